import Bytes
import Formats
import Foundation
import Kernels
import Models
import StageKit

/// Stores how a run goes.
struct Recipe {
  var schedule: Schedule
  var order: Order
  /// Steps of the order passed over.
  var skip = 0
  var clip: Double
  /// Steps between validations; the end of an epoch and of the run always validates.
  var validateEvery: Int
  /// Validations without a better loss after which a run ends; 0 goes on to the last step.
  var patience: Int
  var seed: UInt64
  var keepsGradient = false
  var checkpointSeconds: Double
}

/// Runs the steps: gradient, update, a line in the log; validates, and keeps the best weights.
struct Training {
  let recipe: Recipe
  let network: Network
  /// What is trained: the adapter's weights or the model's.
  let weights: FloatBuffer
  let optimizer: Optimizer
  let tokens: TokenFile
  let heldout: TokenFile?
  let context: StageContext

  /// What a run leaves behind, besides the best weights in `weights`.
  struct Outcome {
    var trainingLines: [String]
    var validationLines: [String]
    /// The gradient of the first step, as computed before clipping; empty unless it is kept.
    var firstGradient: FloatBuffer
  }

  func run() throws -> Outcome {
    let steps = recipe.schedule.steps
    let best = FloatBuffer(count: heldout == nil ? 0 : weights.count)
    let firstGradient = FloatBuffer(count: recipe.keepsGradient ? weights.count : 0)
    let tensors = Checkpoint.Tensors(
      weights: weights, m: optimizer.m, v: optimizer.v, best: best, firstGradient: firstGradient)
    let folder = try context.workFolder
    var state = Checkpoint.load(from: folder, into: tensors) ?? Checkpoint()
    optimizer.step = state.step
    if state.step > 0 { context.log("resuming at step \(state.step) of \(steps)") }

    var progress = Progress(context: context, steps: steps, first: state.step)
    var lastSave = ContinuousClock.now
    var epoch = -1
    var order: [Int] = []
    let perEpoch = recipe.order.stepsPerEpoch
    while state.step < steps {
      let place = state.step + recipe.skip
      if epoch != place / perEpoch {
        epoch = place / perEpoch
        order = recipe.order.packs(epoch: epoch)
      }
      let line = try step(&state, of: order, gradient: firstGradient, &progress)
      state.trainingLines.append(line)
      state.step += 1
      let interval = recipe.validateEvery > 0 ? recipe.validateEvery : perEpoch
      if let heldout, (place + 1).isMultiple(of: interval) || state.step == steps {
        let loss = try validate(heldout)
        progress.validation = loss
        context.log(progress.stretch(to: state.step, validationLoss: loss))
        guard loss.isFinite else {
          throw TrainError.notFinite(
            step: state.step, quantity: "validation loss",
            learningRate: recipe.schedule.learningRate(state.step - 1))
        }
        state.validationLines.append(
          JSONLine([("step", "\(state.step)"), ("loss", "\(loss)")]).text)
        if loss < state.bestLoss {
          (state.bestLoss, state.bestStep) = (loss, state.step)
          state.validationsSinceBest = 0
          best.pointer.update(from: weights.pointer, count: weights.count)
        } else {
          state.validationsSinceBest += 1
        }
        if recipe.patience > 0, state.validationsSinceBest >= recipe.patience {
          context.log(
            "stopped early at step \(state.step) of \(steps): no better validation loss "
              + "since step \(state.bestStep)")
          break
        }
      }
      if lastSave.duration(to: .now) > .seconds(recipe.checkpointSeconds), state.step < steps {
        try state.save(in: folder, tensors)
        lastSave = .now
      }
    }
    if heldout != nil, state.bestLoss.isFinite {
      weights.pointer.update(from: best.pointer, count: weights.count)
      context.log("kept the weights of step \(state.bestStep), validation loss \(state.bestLoss)")
    }
    // A step's loss is that of the weights before it: nobody has looked at the last update's yet.
    guard Kernels.allFinite(weights.pointer, count: weights.count) else {
      throw TrainError.notFinite(
        step: state.step, quantity: "a weight",
        learningRate: recipe.schedule.learningRate(max(state.step - 1, 0)))
    }
    return Outcome(
      trainingLines: state.trainingLines, validationLines: state.validationLines,
      firstGradient: firstGradient)
  }

  /// One update from one or more batches; the loss is the mean over all their label positions.
  private func step(
    _ state: inout Checkpoint, of order: [Int], gradient firstGradient: FloatBuffer,
    _ progress: inout Progress
  ) throws -> String {
    let step = state.step
    let batches = try recipe.order.batches(
      step: (step + recipe.skip) % recipe.order.stepsPerEpoch, of: order
    ).map { try Batch($0.map { tokens[$0] }, config: network.model.config) }
    let labels = batches.reduce(0) { $0 + $1.lossRows.count }
    network.gradient.zero()
    var sum = 0.0
    for (i, batch) in batches.enumerated() where !batch.lossRows.isEmpty {
      // By the step's place in the order, so that a run that goes on from another drops what that
      // one has not.
      let purpose = "dropout of step \(step + recipe.skip), batch \(i)"
      network.dropoutSeed = SeededRandom(seed: recipe.seed, purpose: purpose).state
      sum += network.lossAndGradient(batch, scale: 1 / Float(labels))
    }
    let loss = labels > 0 ? sum / Double(labels) : 0
    let learningRate = recipe.schedule.learningRate(step)
    guard loss.isFinite else {
      throw TrainError.notFinite(step: step + 1, quantity: "loss", learningRate: learningRate)
    }
    if state.firstLoss == 0 { state.firstLoss = loss }
    if step == 0 {
      firstGradient.pointer.update(from: network.gradient.pointer, count: firstGradient.count)
    }
    // A model that knows nothing pays ln(vocabulary); one that pays far more has been driven off.
    let guessing = Kernels.log(Double(network.model.config.vocabularySize))
    let limit = 3 * max(guessing, state.firstLoss)
    guard loss <= limit else {
      throw TrainError.exploded(
        step: step + 1, loss: loss, limit: limit, learningRate: learningRate)
    }
    let norm = optimizer.update(
      weights, gradient: network.gradient, learningRate: learningRate, clip: recipe.clip)
    guard norm.isFinite else {
      throw TrainError.notFinite(
        step: step + 1, quantity: "gradient norm", learningRate: learningRate)
    }
    let seen = batches.reduce(0) { $0 + $1.count }
    let sequences = batches.reduce(0) { $0 + $1.sequenceCount }
    let perToken = network.trainingOperations(perTokenOf: seen / max(sequences, 1))
    progress.report(step: step + 1, loss: loss, tokens: seen, operations: Double(seen) * perToken)
    return JSONLine([
      ("step", "\(step + 1)"), ("loss", "\(loss)"), ("learning_rate", "\(learningRate)"),
      ("grad_norm", "\(norm)"), ("tokens", "\(labels)"),
    ]).text
  }

  /// The mean loss over all label positions of the held-out samples, of which there are some.
  private func validate(_ heldout: TokenFile) throws -> Double {
    var sum = 0.0
    var count = 0
    var first = 0
    while first < heldout.count {
      // As many samples at a time as the training batches have tokens, so that memory stays flat.
      var samples: [TokenSample] = []
      var held = 0
      while first < heldout.count, held < 2048 {
        samples.append(heldout[first])
        held += heldout[first].ids.count
        first += 1
      }
      let batch = try Batch(samples, config: network.model.config)
      sum += network.loss(batch)
      count += batch.lossRows.count
    }
    return sum / Double(count)
  }
}

/// Writes one JSON object whose members keep their order.
struct JSONLine {
  let text: String

  /// - Parameter members: names, and values that are JSON numbers already.
  init(_ members: [(String, String)]) {
    text = "{" + members.map { "\"\($0)\": \($1)" }.joined(separator: ", ") + "}"
  }
}

/// Reports steps, speed and the time left, a few times a second at most.
private struct Progress {
  let context: StageContext
  let steps: Int
  let first: Int
  let start = ContinuousClock.now
  var last: ContinuousClock.Instant?
  var tokens = 0
  var validation: Double?
  /// Where the stretch up to the next validation began.
  private var stretchStart = ContinuousClock.now
  private var stretchTokens = 0
  private var stretchOperations = 0.0

  init(context: StageContext, steps: Int, first: Int) {
    self.context = context
    self.steps = steps
    self.first = first
  }

  /// Says in words how the steps since the last call went.
  mutating func stretch(to step: Int, validationLoss: Double) -> String {
    let seconds = max(stretchStart.duration(to: .now) / .seconds(1), 1e-9)
    defer { (stretchStart, stretchTokens, stretchOperations) = (.now, 0, 0) }
    let rate = Int(Double(stretchTokens) / seconds)
    let operations = Int(stretchOperations / seconds / 1e9)
    return "step \(step) of \(steps): validation loss \(validationLoss), "
      + "\(rate) tokens a second, \(operations) GFLOP a second"
  }

  /// - Parameter operations: floating-point operations of the step.
  mutating func report(step: Int, loss: Double, tokens more: Int, operations: Double) {
    tokens += more
    stretchTokens += more
    stretchOperations += operations
    let now = ContinuousClock.now
    if let last, last.duration(to: now) < .milliseconds(250), step < steps { return }
    last = now
    let seconds = start.duration(to: now) / .seconds(1)
    let left = seconds / Double(step - first) * Double(steps - step)
    var facts: [String: JSON] = [
      "step": .int(step), "steps": .int(steps), "loss": .double(loss), "tokens": .int(tokens),
      "seconds": .double(seconds), "seconds_left": .double(left),
      "tokens_per_second": .double(Double(tokens) / max(seconds, 1e-9)),
    ]
    if let validation { facts["validation_loss"] = .double(validation) }
    context.progress(facts)
  }
}

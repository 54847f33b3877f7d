public import Bytes

extension ObjectStore {
  /// Takes the folder for the checkpoints of an action; waits while another process has it.
  public func takeWorkFolder(for actionKey: Digest) throws(StoreError) -> WorkFolder {
    try WorkFolder(path: workFolder(for: actionKey))
  }

  /// Removes the checkpoints of an action, whoever uses them.
  public func removeWorkFolder(for actionKey: Digest) throws(StoreError) {
    try Disk.remove(workFolder(for: actionKey))
  }
}

// CKernels: the arithmetic of training and inference, chosen at run time for the processor.
//
// Every function splits its work over the threads set with plm_set_threads. Results do not depend
// on the number of threads: an output element is always computed by one thread, in one fixed order
// of additions.
//
// Numbers lie in memory in one of the types below; sums are f32 whatever the operands are. Where a
// shape is given, matrices are row-major: n = tokens (rows of the flattened batch), d = model
// width, h = heads, g = key/value heads, c = channels of a head, v = vocabulary. Sequences lie one
// after another in the rows; `starts[s]..<starts[s+1]` are the rows of sequence s.
#ifndef PLM_KERNELS_H
#define PLM_KERNELS_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

// The variant in use: "amx", "avx512bf16", "avx512", "avx2", "neon" or "scalar".
// PLM_KERNELS in the environment forces one; one that this processor lacks falls back to scalar
// and plm_variant_refused() then names it. "amx-emulated" runs the AMX variant's code on a model of
// its tiles in C: slow, and for tests.
const char *plm_variant(void);
const char *plm_variant_refused(void);

// Sets how many threads share the work; 0 means one per processor this process may run on.
void plm_set_threads(int count);
int plm_threads(void);

// What a process ends with where memory for scratch space cannot be had, after a line on standard
// error: an exit code, or abort() with 0, as it is unless a program says otherwise.
void plm_exit_without_memory(int code);

// ---- Types of numbers ----

enum {
  PLM_F32 = 0,
  PLM_BF16 = 1,  // the upper half of an f32
  PLM_F16 = 2,   // IEEE 754 binary16
  PLM_Q8_0 = 3,  // ggml: blocks of 32, an f16 scale before 32 signed bytes
  PLM_Q4_0 = 4,  // ggml: blocks of 32, an f16 scale before 16 bytes; low halves come first
  // The other block types of ggml: of 32, and of 256 (the K types).
  PLM_Q4_1 = 5,
  PLM_Q5_0 = 6,
  PLM_Q5_1 = 7,
  PLM_Q4_K = 8,
  PLM_Q5_K = 9,
  PLM_Q6_K = 10,
};

// Bytes that `count` numbers of a type take; count must be a multiple of its block: 32 for the Q
// types, 256 for the K types.
int64_t plm_bytes(int type, int64_t count);
// Converts to f32 as ggml does, rounding where a block's scale is a product.
void plm_widen(float *out, const void *in, int type, int64_t count);
// The largest of the sizes of f32 numbers; no number if one of them is none, for of numbers without
// signs what is no number has the largest bits.
float plm_largest_size(const float *in, int64_t count);
// Rounds f32 to a type: to nearest, ties to even; Q8_0 and Q4_0 as ggml's reference does, the other
// block types as plm_quantise.
void plm_narrow(void *out, const float *in, int type, int64_t count);
// Rounds a matrix [rows, columns] of finite f32 to a type. Of a block type whose scale leaves a
// choice, the scale of least error is searched; importance [columns] says how much the error of a
// column counts, or null. The bytes do not depend on the variant.
void plm_quantise(void *out, int type, const float *in, int64_t rows, int64_t columns,
                  const float *importance);
// sums[d] += the squares of x[n, d], f32 or bf16, row by row: the importance of a product's columns.
void plm_column_squares(double *sums, const void *x, int type, int64_t n, int64_t d);

// ---- Matrix products ----

// A matrix in memory: element (i, j) at place i*stride + j from `data`, in numbers of `type`. If
// `transposed`, it stands for the transpose of what lies there. A Q type's stride is a multiple of
// its block.
//
// Unless `half` is 0, rows lie in pairs: of each 2*half rows (a head of queries or keys in files of
// llama.cpp) row i and row i + half are neighbours, at 2i and 2i + 1. Row 0 is then the one of
// number `first` among all of them. Only what b of a plm_term or w of a plm_dot_product or of
// plm_row_norms stands for may lie so.
typedef struct {
  const void *data;
  int64_t stride;
  int32_t type;
  int32_t transposed;
  int64_t half;
  int64_t first;
} plm_matrix;

// One term of a sum of products: a [m, k] times b [k, n].
typedef struct {
  plm_matrix a, b;
  int64_t k;
} plm_term;

// Where a product goes: c [m, n], rows `stride` apart, f32 or bf16. With `accumulate` (f32 only)
// the product is added to what c holds. bias [n] may be null.
typedef struct {
  void *c;
  int64_t stride;
  int32_t type;
  int32_t accumulate;
  const float *bias;
} plm_result;

// c (+)= sum of all terms + bias. compute is PLM_F32 or PLM_BF16: what the operands are rounded to
// before they are multiplied; sums are f32, over the terms and over k in order, with no rounding
// before the end. More than 16 terms only if c is f32.
//
// With compute PLM_Q8_0 and terms of a [m, k] in Q8_0 and a transposed b of a type that has levels for
// many rows, 32 whole numbers are multiplied and added up exactly before they become f32.
void plm_product(int64_t m, int64_t n, const plm_term *terms, int count, int compute,
                 const plm_result *result);

// Whether the variant in use multiplies the whole numbers of a type, for `many` rows (plm_product) or
// few (plm_dots); 1 for block types of six bits or fewer alone.
int plm_has_levels(int type, int many);

// Whether the variant in use multiplies pairs of bf16, at least twice as fast as f32. Others round operands
// to bf16 where they are told to compute in it, and multiply f32.
int plm_has_pairs(void);

// One product of few rows, y[m, n] (+)= scale * (x[m, k] * w[n, k]^T) + bias[n]: each element one dot
// product, in an order of additions of its own. Reads w once, and packs nothing.
typedef struct {
  float *y;
  int64_t stride;  // from one row of y to the next
  // f32, or Q8_0: beside a w of a type that has levels for few rows, 32 whole numbers are multiplied and
  // added up exactly before they become f32.
  const void *x;
  int32_t x_type;
  int32_t accumulate;
  plm_matrix w;
  int64_t n, k;
  float scale;
  const float *bias;  // or null
} plm_dot_product;

// Several of them, none of which reads what another writes, with m rows each.
void plm_dots(const plm_dot_product *products, int count, int64_t m);

// ---- Layers. Where a pointer is void, the type beside it says what lies there: f32 or bf16 ----

// y = x / rms(x) * w (Zhang and Sennrich 2019); inverse_rms[n] is kept for the way back.
void plm_rmsnorm_forward(void *y, int y_type, float *inverse_rms, const void *x, int x_type,
                         const float *w, int64_t n, int64_t d, float epsilon);
// dx (+)= d loss / d x. dw may be null; else dw[d] += its gradient.
void plm_rmsnorm_backward(void *dx, int dx_type, int accumulate, float *dw, const void *dy,
                          int dy_type, const void *x, int x_type, const float *w,
                          const float *inverse_rms, int64_t n, int64_t d);

// Rotates pairs (i, i + c/2) of every head in place (Su et al. 2021, in Hugging Face's layout).
// cosines, sines: [positions, c/2]; position[n] is the row's place in its sequence.
// direction is 1, or -1 for the gradient.
void plm_rope(void *x, int type, const float *cosines, const float *sines,
              const int32_t *position, int64_t n, int64_t heads, int64_t c, float direction);

// Causal attention of each sequence with itself. q and o [n, h*c], k and v [n, g*c], all of one
// type; log_sum[n, h] keeps each row's log of the sum of exponentials. The score matrix is never
// stored whole. Products are computed in that type.
void plm_attention_forward(void *o, float *log_sum, const void *q, const void *k, const void *v,
                           int type, const int32_t *starts, int64_t sequences, int64_t h,
                           int64_t g, int64_t c);
// Overwrites dq, dk and dv, of the same type as the rest.
void plm_attention_backward(void *dq, void *dk, void *dv, const void *d_o, const void *o,
                            const float *log_sum, const void *q, const void *k, const void *v,
                            int type, const int32_t *starts, int64_t sequences, int64_t h,
                            int64_t g, int64_t c);
// Attention of one new token per sequence with its cache, f32. q, o [sequences, h*c];
// keys[s], values[s]: [lengths[s], g*c], the newest row included.
void plm_attention_decode(float *o, const float *q, const float *const *keys,
                          const float *const *values, const int32_t *lengths, int64_t sequences,
                          int64_t h, int64_t g, int64_t c);
// Causal attention of the newest tokens of each sequence with its cache, f32. q and o hold
// starts[s]..<starts[s+1] rows of sequence s, [h*c] each; keys[s], values[s]: [lengths[s], g*c],
// those of these rows included and last. A row's result does not depend on how many are new.
// compute: PLM_F32 or PLM_BF16, what operands of products are rounded to.
void plm_attention_cached(float *o, const float *q, const float *const *keys,
                          const float *const *values, const int32_t *starts,
                          const int32_t *lengths, int64_t sequences, int64_t h, int64_t g,
                          int64_t c, int compute);

// y = silu(gate) * up.
void plm_swiglu_forward(void *y, const void *gate, const void *up, int type, int64_t count);
// Overwrites dgate and dup, which may be gate and up themselves. y, unless null, becomes
// silu(gate) * up again.
void plm_swiglu_backward(void *dgate, void *dup, void *y, const void *dy, const void *gate,
                         const void *up, int type, int64_t count);

// x[n, d] = row ids[n] of the table [v, d].
void plm_embed_forward(float *x, const plm_matrix *table, const int32_t *ids, int64_t n,
                       int64_t d);
// dtable[ids[n], d] += dx[n, d], rows in order.
void plm_embed_backward(float *dtable, const float *dx, const int32_t *ids, int64_t n, int64_t d);

// losses[n] = -log softmax(logits)[target]; with `scale` other than 0, logits become
// (softmax - one hot) * scale.
void plm_cross_entropy(float *logits, float *losses, const int32_t *targets, int64_t n, int64_t v,
                       float scale);

// dbias[d] += sum over n of dx[n, d].
void plm_bias_backward(float *dbias, const void *dx, int type, int64_t n, int64_t d);

// y += x, of one type.
void plm_add(void *y, const void *x, int type, int64_t count);
// y[columns, rows] += the transpose of x[rows, columns], f32.
void plm_add_transposed(float *y, const float *x, int64_t rows, int64_t columns);
// y *= scale.
void plm_scale(void *y, int type, float scale, int64_t count);
// y (+)= x * scale + bias, column by column; x and y [n, d]. scale and bias [d] may be null, for 1 and
// for 0. y may be x unless it is added to.
void plm_scale_columns(void *y, int y_type, int accumulate, const void *x, int x_type,
                       const float *scale, const float *bias, int64_t n, int64_t d);
// sums[d] += scale[d] * sum over n of x[n, d] * y[n, d].
void plm_column_dots(float *sums, const float *scale, const void *x, int x_type, const void *y,
                     int y_type, int64_t n, int64_t d);
// y = x with each element kept with probability 1 - p and divided by it; which ones depends on
// (seed, index) alone. y may be x.
void plm_dropout(void *y, const void *x, int type, float p, uint64_t seed, int64_t count);
// x = 0.
void plm_zero(float *x, int64_t count);
// norms[rows] = the lengths of the rows of w [rows, columns] + scale * b [rows, rank] * a [rank, columns],
// one row of which is formed at a time. w may lie in pairs, and is no transpose.
void plm_row_norms(float *norms, const plm_matrix *w, const float *a, const float *b, float scale,
                   int64_t rows, int64_t columns, int64_t rank);
// Sum of squares, added up in blocks of a fixed size.
double plm_sum_squares(const float *x, int64_t count);
// 1 if every element is finite.
int plm_all_finite(const float *x, int64_t count);

// One step of AdamW (Loshchilov and Hutter 2019) as PyTorch computes it. The gradient is
// multiplied by gradient_scale first. correction1 = 1 - beta1^t, correction2 = 1 - beta2^t.
void plm_adamw(float *w, float *m, float *v, const float *gradient, int64_t count,
               double gradient_scale, double learning_rate, double beta1, double beta2,
               double epsilon, double weight_decay, double correction1, double correction2);

// ---- Scalar functions of our own, so that bits do not depend on the C library ----
double plm_exp(double x);
double plm_log(double x);
double plm_sin(double x);
double plm_cos(double x);
double plm_sqrt(double x);

#ifdef __cplusplus
}
#endif
#endif

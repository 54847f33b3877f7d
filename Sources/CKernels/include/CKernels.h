// CKernels: the arithmetic of training and inference, chosen at run time for the processor.
//
// Every function here works on row-major f32 and is split over the threads set with
// plm_set_threads. Results do not depend on the number of threads: an output element is always
// computed by one thread, in one fixed order of additions.
//
// Shapes use n = tokens (rows of the flattened batch), d = model width, h = heads, g = key/value
// heads, c = channels of a head, v = vocabulary. Sequences lie one after another in the rows;
// `starts[s]..<starts[s+1]` are the rows of sequence s.
#ifndef PLM_KERNELS_H
#define PLM_KERNELS_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

// The variant in use: "avx512", "avx2", "neon" or "scalar".
// PLM_KERNELS in the environment forces one; one that this processor lacks falls back to scalar
// and plm_variant_refused() then names it.
const char *plm_variant(void);
const char *plm_variant_refused(void);

// Sets how many threads share the work; 0 means one per processor this process may run on.
void plm_set_threads(int count);
int plm_threads(void);

// ---- Matrix products: C[m,n] (+)= A[m,k] * B[k,n], B packed beforehand ----

// Floats that a packed B[k,n] takes.
int64_t plm_packed_count(int64_t k, int64_t n);
// Packs B, element (i, j) at b[i*row_stride + j*column_stride].
void plm_pack(float *packed, const float *b, int64_t k, int64_t n, int64_t row_stride,
              int64_t column_stride);
// A's element (i, p) at a[i*row_stride + p*column_stride]; C row-major with row length ldc.
// Adds to C where `accumulate`, else overwrites it.
void plm_gemm(int64_t m, int64_t n, int64_t k, const float *a, int64_t row_stride,
              int64_t column_stride, const float *packed, float *c, int64_t ldc, int accumulate);

// ---- Layers ----

// y = x / rms(x) * w (Zhang and Sennrich 2019); inverse_rms[n] is kept for the way back.
void plm_rmsnorm_forward(float *y, float *inverse_rms, const float *x, const float *w, int64_t n,
                         int64_t d, float epsilon);
// dx += d loss / d x. dw may be null; else dw[d] += its gradient.
void plm_rmsnorm_backward(float *dx, float *dw, const float *dy, const float *x, const float *w,
                          const float *inverse_rms, int64_t n, int64_t d);

// Rotates pairs (i, i + c/2) of every head in place (Su et al. 2021, in Hugging Face's layout).
// cosines, sines: [positions, c/2]; position[n] is the row's place in its sequence.
// direction is 1, or -1 for the gradient.
void plm_rope(float *x, const float *cosines, const float *sines, const int32_t *position,
              int64_t n, int64_t heads, int64_t c, int64_t stride, float direction);

// Causal attention of each sequence with itself. q [n, h*c], k and v [n, g*c] with row lengths
// q_stride and kv_stride; o [n, h*c]; log_sum[n, h] keeps each row's log of the sum of
// exponentials. The score matrix is never stored whole.
void plm_attention_forward(float *o, float *log_sum, const float *q, const float *k,
                           const float *v, const int32_t *starts, int64_t sequences, int64_t h,
                           int64_t g, int64_t c, int64_t q_stride, int64_t kv_stride);
// Overwrites dq, dk and dv.
void plm_attention_backward(float *dq, float *dk, float *dv, const float *d_o, const float *o,
                            const float *log_sum, const float *q, const float *k, const float *v,
                            const int32_t *starts, int64_t sequences, int64_t h, int64_t g,
                            int64_t c, int64_t q_stride, int64_t kv_stride);
// Attention of one new token per sequence with its cache. q, o [sequences, h*c];
// keys[s], values[s]: [lengths[s], g*c], the newest row included.
void plm_attention_decode(float *o, const float *q, const float *const *keys,
                          const float *const *values, const int32_t *lengths, int64_t sequences,
                          int64_t h, int64_t g, int64_t c);

// y = silu(gate) * up.
void plm_swiglu_forward(float *y, const float *gate, const float *up, int64_t count);
// Overwrites dgate and dup, which may be gate and up themselves.
void plm_swiglu_backward(float *dgate, float *dup, const float *dy, const float *gate,
                         const float *up, int64_t count);

// x[n, d] = table[ids[n], d].
void plm_embed_forward(float *x, const float *table, const int32_t *ids, int64_t n, int64_t d);
// dtable[ids[n], d] += dx[n, d], rows in order.
void plm_embed_backward(float *dtable, const float *dx, const int32_t *ids, int64_t n, int64_t d);

// losses[n] = -log softmax(logits)[target]; with `scale` other than 0, logits become
// (softmax - one hot) * scale.
void plm_cross_entropy(float *logits, float *losses, const int32_t *targets, int64_t n, int64_t v,
                       float scale);

// x[n, d] += bias[d], and its gradient dbias[d] += sum over n of dx.
void plm_bias_forward(float *x, const float *bias, int64_t n, int64_t d);
void plm_bias_backward(float *dbias, const float *dx, int64_t n, int64_t d);

// y += scale * x.
void plm_axpy(float *y, const float *x, float scale, int64_t count);
// y *= scale.
void plm_scale(float *y, float scale, int64_t count);
// y = x with each element kept with probability 1 - p and divided by it; which ones depends on
// (seed, index) alone. y may be x.
void plm_dropout(float *y, const float *x, float p, uint64_t seed, int64_t count);
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

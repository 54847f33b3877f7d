// What a variant provides: the single-threaded inner loops. kernels.c splits the work.
#ifndef PLM_VARIANT_H
#define PLM_VARIANT_H
#include <stdint.h>

typedef struct {
  const char *name;
  // Columns of a packed panel.
  int64_t panel;
  void (*pack)(float *packed, const float *b, int64_t k, int64_t n, int64_t rs, int64_t cs);
  // packed_k: rows of B when it was packed; k of them are used.
  void (*gemm)(int64_t m, int64_t n, int64_t k, const float *a, int64_t rs, int64_t cs,
               const float *packed, int64_t packed_k, float *c, int64_t ldc, int accumulate);
  void (*rmsnorm_forward)(float *y, float *inverse_rms, const float *x, const float *w, int64_t n,
                          int64_t d, float epsilon);
  void (*rmsnorm_backward)(float *dx, const float *dy, const float *x, const float *w,
                           const float *inverse_rms, int64_t n, int64_t d);
  void (*rmsnorm_weight)(float *dw, const float *dy, const float *x, const float *inverse_rms,
                         int64_t n, int64_t d, int64_t first, int64_t last);
  void (*rope)(float *x, const float *cosines, const float *sines, int64_t half, float direction);
  // p[j] = exp(s[j]*scale - max) for j < visible, 0 up to width; returns log-sum-exp and 1/sum.
  float (*softmax_row)(float *s, int64_t visible, int64_t width, float scale, float *inverse);
  // p[j] = exp(s[j]*scale - log_sum) for j < visible, 0 up to width.
  void (*probability_row)(float *s, int64_t visible, int64_t width, float scale, float log_sum);
  // ds[j] = p[j] * (dp[j] - delta) * scale.
  void (*score_gradient)(float *dp, const float *p, int64_t width, float delta, float scale);
  float (*dot)(const float *a, const float *b, int64_t count);
  void (*axpy)(float *y, const float *x, float scale, int64_t count);
  void (*scale)(float *y, float scale, int64_t count);
  void (*swiglu_forward)(float *y, const float *gate, const float *up, int64_t count);
  void (*swiglu_backward)(float *dgate, float *dup, const float *dy, const float *gate,
                          const float *up, int64_t count);
  // Turns one row of logits into (softmax - one hot) * scale unless scale is 0; returns the loss.
  float (*cross_entropy)(float *logits, int64_t v, int64_t target, float scale);
  double (*sum_squares)(const float *x, int64_t count);
  void (*adamw)(float *w, float *m, float *v, const float *gradient, int64_t count,
                double gradient_scale, double learning_rate, double beta1, double beta2,
                double epsilon, double weight_decay, double correction1, double correction2);
} plm_variant_table;

extern const plm_variant_table plm_scalar_variant;
#if defined(__x86_64__)
extern const plm_variant_table plm_avx2_variant;
extern const plm_variant_table plm_avx512_variant;
#elif defined(__aarch64__)
extern const plm_variant_table plm_neon_variant;
#endif
#endif

// Attention, forward, backward and with a cache.
#include <math.h>
#include <stdlib.h>

#include "probe.h"

// Empty sequences, one of a single row, and some longer than a block of queries.
static const int32_t starts[] = {0, 0, 1, 30, 30, 109};
enum { SEQUENCES = 5, N = 109, H = 4, G = 2 };

typedef struct {
  const void *q, *k, *v, *d_o;
  double *o, *log_sum, *dq, *dk, *dv;
} work;

static double at(const void *x, int type, int64_t row, int64_t heads, int64_t head, int64_t c,
                 int64_t i) {
  return number(x, type, (row * heads + head) * c + i);
}

// Attention and its gradient as one writes them down, a row and a head at a time.
static void plain_attention(work *w, int type, int64_t c) {
  const double scale = 1 / sqrt((double)c);
  for (int s = 0; s < SEQUENCES; s++)
    for (int64_t head = 0; head < H; head++)
      for (int64_t i = starts[s]; i < starts[s + 1]; i++) {
        const int64_t group = head / (H / G), mine = (i * H + head) * c;
        double p[N], dp[N], sum = 0, delta = 0;
        for (int64_t j = starts[s]; j <= i; j++) {
          p[j] = dp[j] = 0;
          for (int64_t x = 0; x < c; x++) {
            p[j] += at(w->q, type, i, H, head, c, x) * at(w->k, type, j, G, group, c, x);
            dp[j] += at(w->d_o, type, i, H, head, c, x) * at(w->v, type, j, G, group, c, x);
          }
          p[j] = exp(p[j] * scale);
          sum += p[j];
        }
        w->log_sum[i * H + head] = log(sum);
        for (int64_t j = starts[s]; j <= i; j++) {
          p[j] /= sum;
          delta += p[j] * dp[j];
          for (int64_t x = 0; x < c; x++)
            w->o[mine + x] += p[j] * at(w->v, type, j, G, group, c, x);
        }
        for (int64_t j = starts[s]; j <= i; j++) {
          const double ds = p[j] * (dp[j] - delta) * scale;
          const int64_t key = (j * G + group) * c;
          for (int64_t x = 0; x < c; x++) {
            w->dq[mine + x] += ds * at(w->k, type, j, G, group, c, x);
            w->dk[key + x] += ds * at(w->q, type, i, H, head, c, x);
            w->dv[key + x] += p[j] * at(w->d_o, type, i, H, head, c, x);
          }
        }
      }
}

static void result(const char *name, const char *type_name, int64_t c, const void *got, int type,
                   const double *wanted, int64_t count, int rounded) {
  begin(rounded ? MIXED : F32, "%s-%s-%d", name, type_name, (int)c);
  put_all(got, type, count);
  end();
  begin(rounded ? ERROR_MIXED : ERROR_F32, "%s-%s-%d", name, type_name, (int)c);
  put((float)worst_error(got, type, wanted, count));
  end();
}

static void attention(int type, int64_t c) {
  const char *name = type == PLM_F32 ? "f32" : "bf16";
  const int64_t queries = N * H * c, keys = N * G * c;
  work w = {numbers(type, queries, 1), numbers(type, keys, 2), numbers(type, keys, 3),
            numbers(type, queries, 4), zeros(PLM_F32, 2 * queries), zeros(PLM_F32, 2 * N * H),
            zeros(PLM_F32, 2 * queries), zeros(PLM_F32, 2 * keys), zeros(PLM_F32, 2 * keys)};
  plain_attention(&w, type, c);
  void *o = zeros(type, queries);
  float *log_sum = zeros(PLM_F32, N * H);
  plm_attention_forward(o, log_sum, w.q, w.k, w.v, type, starts, SEQUENCES, H, G, c);
  result("attention", name, c, o, type, w.o, queries, type == PLM_BF16);
  // The sum of exponentials is made of products of numbers that are bf16 already: nothing in it is
  // rounded.
  result("log-sum", name, c, log_sum, PLM_F32, w.log_sum, N * H, 0);
  void *again = zeros(type, queries);
  plm_attention_forward(again, NULL, w.q, w.k, w.v, type, starts, SEQUENCES, H, G, c);
  begin(ZERO, "attention-without-log-sum-%s-%d", name, (int)c);
  put((float)differences(again, o, type, queries));
  end();

  // What lay there before must not matter.
  void *dq = numbers(type, queries, 5), *dk = numbers(type, keys, 6), *dv = numbers(type, keys, 7);
  plm_attention_backward(dq, dk, dv, w.d_o, o, log_sum, w.q, w.k, w.v, type, starts, SEQUENCES, H,
                         G, c);
  result("attention-dq", name, c, dq, type, w.dq, queries, type == PLM_BF16);
  result("attention-dk", name, c, dk, type, w.dk, keys, type == PLM_BF16);
  result("attention-dv", name, c, dv, type, w.dv, keys, type == PLM_BF16);

  // The last row of each sequence that has one, with the keys and values as its cache.
  if (type != PLM_F32) return;
  const float *last_keys[SEQUENCES], *last_values[SEQUENCES];
  int32_t lengths[SEQUENCES], count = 0;
  float *q = zeros(PLM_F32, SEQUENCES * H * c), *decoded = zeros(PLM_F32, SEQUENCES * H * c);
  double *wanted = zeros(PLM_F32, 2 * SEQUENCES * H * c);
  for (int s = 0; s < SEQUENCES; s++) {
    if (starts[s + 1] == starts[s]) continue;
    const int64_t row = starts[s + 1] - 1;
    lengths[count] = starts[s + 1] - starts[s];
    last_keys[count] = (const float *)w.k + starts[s] * G * c;
    last_values[count] = (const float *)w.v + starts[s] * G * c;
    for (int64_t x = 0; x < H * c; x++) {
      q[count * H * c + x] = ((const float *)w.q)[row * H * c + x];
      wanted[count * H * c + x] = w.o[row * H * c + x];
    }
    count++;
  }
  plm_attention_decode(decoded, q, last_keys, last_values, lengths, count, H, G, c);
  result("decode", name, c, decoded, PLM_F32, wanted, count * H * c, 0);
}

void probe_attention(void) {
  static const int channels[] = {10, 64, 70};
  for (int i = 0; i < 3; i++)
    for (int type = PLM_F32; type <= PLM_BF16; type++) attention(type, channels[i]);
}

// Operands of a product made ready for an engine, and what kinds of products share.
#ifndef PLM_PRODUCT_H
#define PLM_PRODUCT_H
#include "variant.h"

// The engine for a type to compute in, and whether it must round operands itself.
const plm_engine *plm_engine_for(int compute, int *round);

// Bytes of all panels of a b [k, n].
int64_t plm_panels_bytes(const plm_engine *engine, int64_t k, int64_t n);
// Packs all panels of b [k, n], one behind the other.
void plm_pack_panels(const plm_engine *engine, void *out, const plm_matrix *b, int64_t k, int64_t n,
                     int round);
// c[m, n] (+)= a[m, k] * b with b packed over packed_k rows of which k are used; single-threaded.
// room: plm_rows_bytes for packing a.
void plm_multiply(const plm_engine *engine, int64_t m, int64_t n, int64_t k, const plm_matrix *a,
                  const void *panels, int64_t packed_k, void *room, int round,
                  const plm_result *result);
int64_t plm_rows_bytes(const plm_engine *engine, int64_t m, int64_t k);
// Elements from one packed row to the next.
int64_t plm_row_stride(const plm_engine *engine, int64_t k);
// Where element [i, j] of a product goes.
plm_result plm_result_at(const plm_result *result, int64_t i, int64_t j);

// Terms of a product at most.
#define PLM_TERMS 16
// c[m, n] (+)= the sum of `count` terms, as whole numbers; by all threads.
void plm_level_product(const plm_engine *engine, int64_t m, int64_t n, const plm_term *terms, int count,
                       const plm_result *result);

#endif

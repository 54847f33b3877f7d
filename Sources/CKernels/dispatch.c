// Chooses the variant: the best that this processor and system allow, or the one asked for.
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "CKernels.h"
#include "variant.h"

#if defined(__x86_64__) && defined(__linux__)
#include <cpuid.h>
#include <sys/syscall.h>
#include <unistd.h>
#elif defined(__aarch64__) && defined(__linux__)
#include <asm/hwcap.h>
#include <sys/auxv.h>
#endif

static plm_variant_table variant;
static const char *refused;
static pthread_once_t once = PTHREAD_ONCE_INIT;

#if defined(__x86_64__)
static int has_avx512(void) {
  return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
         __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
}

// AMX with bf16, and the kernel's leave to use its registers (arch_prctl ARCH_REQ_XCOMP_PERM for
// XFEATURE_XTILEDATA).
static int has_amx(void) {
#if defined(__linux__)
  unsigned a, b, c, d;
  if (!has_avx512() || !__get_cpuid_count(7, 0, &a, &b, &c, &d)) return 0;
  const unsigned tile = 1u << 24, bf16 = 1u << 22;
  return (d & tile) && (d & bf16) && syscall(SYS_arch_prctl, 0x1023, 18) == 0;
#else
  return 0;
#endif
}
#endif

typedef struct {
  const plm_engine *levels;
  const plm_level_dots *dots;
} whole_numbers;

static int take(const plm_variant_table *table, const char *name, const plm_engine *pairs,
                whole_numbers whole) {
  variant = *table;
  variant.name = name;
  if (pairs) variant.pairs = pairs;
  variant.levels = whole.levels;
  variant.level_dots = whole.dots;
  return 1;
}

#if defined(__x86_64__)
// Either gives the same bits.
static whole_numbers of_avx512(void) {
  if (__builtin_cpu_supports("avx512vnni"))
    return (whole_numbers){&plm_avx512vnni_levels, &plm_avx512vnni_level_dots};
  return (whole_numbers){&plm_avx2_levels, &plm_avx2_level_dots};
}
#elif defined(__aarch64__)
// Either gives the same bits.
static whole_numbers of_neon(void) {
#if defined(__APPLE__)
  const int has_dotprod = 1;
#elif defined(__linux__)
  const int has_dotprod = (getauxval(AT_HWCAP) & HWCAP_ASIMDDP) != 0;
#else
  const int has_dotprod = 0;
#endif
  if (has_dotprod)
    return (whole_numbers){&plm_neon_dotprod_levels, &plm_neon_dotprod_level_dots};
  return (whole_numbers){&plm_neon_levels, &plm_neon_level_dots};
}
#endif

static int take_named(const char *name) {
  const whole_numbers plain = {&plm_scalar_levels, &plm_scalar_level_dots};
  if (strcmp(name, "scalar") == 0) return take(&plm_scalar_variant, "scalar", NULL, plain);
  // Matrix units multiply pairs of bf16 sooner than vectors whole numbers: those are for few rows.
  if (strcmp(name, "amx-emulated") == 0)
    return take(&plm_scalar_variant, "amx-emulated", &plm_amx_emulated_pairs,
                (whole_numbers){NULL, plain.dots});
#if defined(__x86_64__)
  if (strcmp(name, "avx2") == 0 && __builtin_cpu_supports("avx2") &&
      __builtin_cpu_supports("fma") && __builtin_cpu_supports("f16c"))
    return take(&plm_avx2_variant, "avx2", NULL,
                (whole_numbers){&plm_avx2_levels, &plm_avx2_level_dots});
  if (strcmp(name, "avx512") == 0 && has_avx512())
    return take(&plm_avx512_variant, "avx512", NULL, of_avx512());
  if (strcmp(name, "avx512bf16") == 0 && has_avx512() && __builtin_cpu_supports("avx512bf16"))
    return take(&plm_avx512_variant, "avx512bf16", &plm_avx512bf16_pairs, of_avx512());
  if (strcmp(name, "amx") == 0 && has_amx())
    return take(&plm_avx512_variant, "amx", &plm_amx_pairs, (whole_numbers){NULL, of_avx512().dots});
#elif defined(__aarch64__)
  if (strcmp(name, "neon") == 0) return take(&plm_neon_variant, "neon", NULL, of_neon());
#endif
  return 0;
}

static void choose(void) {
  const char *forced = getenv("PLM_KERNELS");
  if (forced && *forced) {
    if (take_named(forced)) return;
    refused = forced;
    take_named("scalar");
    return;
  }
  const char *best[] = {"amx", "avx512bf16", "avx512", "avx2", "neon", "scalar"};
  for (int i = 0; i < 6; i++)
    if (take_named(best[i])) return;
}

const plm_variant_table *plm_chosen(void) {
  pthread_once(&once, choose);
  return &variant;
}

const char *plm_variant(void) { return plm_chosen()->name; }
const char *plm_variant_refused(void) {
  plm_chosen();
  return refused;
}

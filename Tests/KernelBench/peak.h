// What the arithmetic units of a processor do at most, with no memory in the way.
#ifndef PEAK_H
#define PEAK_H

// GFLOP/s of `threads` threads with the instructions that a variant multiplies with; 0 where nothing
// faster than plain C is known.
double register_peak(const char *variant, int type, int threads);

#endif

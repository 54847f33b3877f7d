#ifndef PLM_KERNELS_H
#define PLM_KERNELS_H
#endif

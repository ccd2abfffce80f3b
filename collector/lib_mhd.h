// SPDX-License-Identifier: Apache-2.0
//
// libmicrohttpd (lib.h): lib_mhd.start_daemon() is its MHD_start_daemon(), and
// so on. The only includer of microhttpd.
#ifndef CPROF_COLLECTOR_LIB_MHD_H
#define CPROF_COLLECTOR_LIB_MHD_H

#include <microhttpd.h>

struct lib_mhd {
#define CALL(name) __typeof__(MHD_##name) *name;
#include "collector/lib_mhd.def"
#undef CALL
};

// Set by lib_mhd_load(), and constant from then on.
extern struct lib_mhd lib_mhd;

// As lib_load(). Other threads may use it when they are told, or begun, by one
// that has loaded it.
int lib_mhd_load(void);

#endif

// SPDX-License-Identifier: Apache-2.0
//
// The command line of cprofd, read into a struct. Prints only what the user
// asked for or did wrong; it opens nothing.
#ifndef CPROF_COLLECTOR_OPTS_H
#define CPROF_COLLECTOR_OPTS_H

#include <stdbool.h>
#include <stdint.h>

struct opts {
	const char *socket;   // NULL: the default place
	const char *http;     // NULL: not over TCP
	const char *token;    // NULL: none
	const char *tls_cert; // NULL: plain; else tls_key is there too
	const char *tls_key;
	bool is_auto;
	uint64_t linger_ns;
	unsigned log_level;
	bool is_sandboxed;
	bool is_checking_walks;
	bool is_emulated;
	const char *push; // NULL: nothing is pushed
	const char *push_headers;
	uint64_t push_interval_s;
	uint64_t push_spool_bytes;
};

// 0: go on with *ret. Else the program ends with status *ret_status: help or
// version was printed, or one line about what is wrong.
int opts_parse(int argc, char **argv, struct opts *ret, int *ret_status);

#endif

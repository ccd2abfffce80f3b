// SPDX-License-Identifier: Apache-2.0
//
// The filter is libseccomp's. What is not on the list is answered ENOSYS and
// kills nobody: a libc that tries something new falls back, and a collector
// that is refused something loses that, not everybody's samples.
#include "collector/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <seccomp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

// gcc defines one, clang knows the other.
#ifndef __has_feature
#define __has_feature(name) 0
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__) || \
	__has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define HAS_SANITIZER true
#else
#define HAS_SANITIZER false
#endif

#define ANY_ARG UINT32_MAX

struct rule {
	int call;
	uint32_t arg; // ANY_ARG: whatever its arguments are
	uint64_t mask;
	uint64_t value;
	bool is_fetch;
};

static int add_rule(scmp_filter_ctx filter, const struct rule *r)
{
	struct scmp_arg_cmp cmp = {r->arg, SCMP_CMP_MASKED_EQ, r->mask,
				   r->value};

	if (r->arg == ANY_ARG)
		return seccomp_rule_add_array(filter, SCMP_ACT_ALLOW, r->call,
					      0, NULL);
	return seccomp_rule_add_array(filter, SCMP_ACT_ALLOW, r->call, 1, &cmp);
}

static int add_rules(scmp_filter_ctx filter, enum sandbox_needs needs)
{
	const struct rule rules[] = {
#define ALLOW(name) {SCMP_SYS(name), ANY_ARG, 0, 0, false},
#define ALLOW_IF(name, arg, mask, value) \
	{SCMP_SYS(name), arg, mask, value, false},
#define ALLOW_FETCH(name) {SCMP_SYS(name), ANY_ARG, 0, 0, true},
#include "collector/sandbox.def"
#undef ALLOW
#undef ALLOW_IF
#undef ALLOW_FETCH
	};
	bool is_fetching = needs == SANDBOX_NETWORK;
	int err = 0;

	for (size_t i = 0; i < sizeof(rules) / sizeof(*rules) && !err; i++)
		if (!rules[i].is_fetch || is_fetching)
			err = add_rule(filter, &rules[i]);
	return err;
}

static int load_filter(enum sandbox_needs needs)
{
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ERRNO(ENOSYS));
	int err;

	if (!filter)
		return -ENOMEM;
	err = add_rules(filter, needs);
	if (!err)
		err = seccomp_attr_set(filter, SCMP_FLTATR_ACT_BADARCH,
				       SCMP_ACT_KILL_PROCESS);
	if (!err)
		err = seccomp_attr_set(filter, SCMP_FLTATR_CTL_TSYNC, 1);
	// A tree, not a list: futex and read are asked for all the time.
	if (!err)
		err = seccomp_attr_set(filter, SCMP_FLTATR_CTL_OPTIMIZE, 2);
	// It sets no_new_privs as well.
	if (!err)
		err = seccomp_load(filter);
	seccomp_release(filter);
	return err;
}

int sandbox_enter(enum sandbox_needs needs)
{
	const struct rlimit none = {0, 0};

	if (HAS_SANITIZER)
		return -ENOTSUP;
	// A core goes to no file by the first, to no program by the second.
	if (setrlimit(RLIMIT_CORE, &none) ||
	    prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) ||
	    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
		return -errno;
	return load_filter(needs);
}

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

#define CONDITIONS_MAX 2

// Who has a rule.
#define EVERYBODY (1u << 0)
#define FETCHER	  (1u << 1)
#define LOADER	  (1u << 2)

struct rule {
	int call;
	unsigned who;
	unsigned n; // conditions; without one, whatever its arguments are
	struct scmp_arg_cmp all_of[CONDITIONS_MAX];
};

static int add_rules(scmp_filter_ctx filter, unsigned who, uint32_t action)
{
	// Not constant: one has this process's id.
	const struct rule rules[] = {
#define IF(arg, mask, value)                         \
	{                                            \
		arg, SCMP_CMP_MASKED_EQ, mask, value \
	}
#define ALLOW(name)	  {.call = SCMP_SYS(name), .who = EVERYBODY},
#define ALLOW_FETCH(name) {.call = SCMP_SYS(name), .who = FETCHER},
#define ALLOW_LOAD(name)  {.call = SCMP_SYS(name), .who = LOADER},
#define ALLOW_IF(name, arg, mask, value) \
	{SCMP_SYS(name), EVERYBODY, 1, {IF(arg, mask, value)}},
#define ALLOW_LOAD_IF(name, condition, condition2) \
	{SCMP_SYS(name), LOADER, 2, {condition, condition2}},
#include "collector/sandbox.def"
#undef IF
#undef ALLOW
#undef ALLOW_FETCH
#undef ALLOW_LOAD
#undef ALLOW_IF
#undef ALLOW_LOAD_IF
	};
	int err = 0;

	for (size_t i = 0; i < sizeof(rules) / sizeof(*rules) && !err; i++)
		if (rules[i].who & who)
			err = seccomp_rule_add_array(filter, action,
						     rules[i].call, rules[i].n,
						     rules[i].all_of);
	return err;
}

// Takes FILTER; NULL: there was no memory for it.
static int load_filter(scmp_filter_ctx filter)
{
	int err = filter ? 0 : -ENOMEM;

	if (!err)
		err = seccomp_attr_set(filter, SCMP_FLTATR_ACT_BADARCH,
				       SCMP_ACT_KILL_PROCESS);
	if (!err)
		err = seccomp_attr_set(filter, SCMP_FLTATR_CTL_TSYNC, 1);
	// Set before; a sealed one could not.
	if (!err)
		err = seccomp_attr_set(filter, SCMP_FLTATR_CTL_NNP, 0);
	// A tree, not a list: futex and read are asked for all the time.
	if (!err)
		err = seccomp_attr_set(filter, SCMP_FLTATR_CTL_OPTIMIZE, 2);
	if (!err)
		err = seccomp_load(filter);
	seccomp_release(filter);
	return err;
}

// What those in WHO may do is done as ACTION says, all else as OTHER does.
static scmp_filter_ctx make_filter(unsigned who, uint32_t action,
				   uint32_t other)
{
	scmp_filter_ctx filter = seccomp_init(other);

	if (!filter || !add_rules(filter, who, action))
		return filter;
	seccomp_release(filter);
	return NULL;
}

static scmp_filter_ctx make_filter_for(enum sandbox_needs needs)
{
	unsigned who = EVERYBODY;

	if (needs == SANDBOX_NETWORK)
		who |= FETCHER;
	if (needs == SANDBOX_LOADING)
		who |= LOADER;
	return make_filter(who, SCMP_ACT_ALLOW, SCMP_ACT_ERRNO(ENOSYS));
}

// NULL: none was made ahead, or it is in use.
static scmp_filter_ctx prepared;

void sandbox_prepare(enum sandbox_needs needs)
{
	if (!HAS_SANITIZER)
		prepared = make_filter_for(needs);
}

int sandbox_enter(enum sandbox_needs needs)
{
	const struct rlimit none = {0, 0};
	scmp_filter_ctx filter;

	if (HAS_SANITIZER)
		return -ENOTSUP;
	// A core goes to no file by the first, to no program by the second.
	if (setrlimit(RLIMIT_CORE, &none) ||
	    prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) ||
	    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
		return -errno;
	filter = prepared ? prepared : make_filter_for(needs);
	prepared = NULL;
	return load_filter(filter);
}

int sandbox_seal(void)
{
	return load_filter(
		make_filter(LOADER, SCMP_ACT_ERRNO(ENOSYS), SCMP_ACT_ALLOW));
}

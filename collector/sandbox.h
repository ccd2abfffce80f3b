// SPDX-License-Identifier: Apache-2.0
//
// Takes from this process what a collector never does, before it reads the
// first byte of a stranger: new programs and processes, the network, changing
// or replacing files that are there, other processes' memory, executable
// memory (sandbox.def); gaining rights by a set-user-ID program; and leaving
// its memory, which has pieces of other programs' stacks, in a core file or to
// a debugger.
//
// It is a second wall: what a hijacked collector could still do is to read its
// user's files, and to make and to remove some.
#ifndef CPROF_COLLECTOR_SANDBOX_H
#define CPROF_COLLECTOR_SANDBOX_H

enum sandbox_needs {
	SANDBOX_NOTHING, // of the network
	SANDBOX_NETWORK, // is a client of servers
	// As NOTHING, but files are mapped as code, until sandbox_seal().
	SANDBOX_LOADING,
};

// Makes the filter ahead, which takes a third of a millisecond: sandbox_enter()
// with the same needs finds it. Another thread may do it, once.
void sandbox_prepare(enum sandbox_needs needs);

// All threads of this process, for good. 0; -ENOTSUP in a build with a
// sanitizer, whose runtime needs other calls; or the negative errno of a kernel
// that can't do all of it: what it can is done.
int sandbox_enter(enum sandbox_needs needs);

// Takes away what SANDBOX_LOADING has beyond SANDBOX_NOTHING: a second filter,
// of all threads. Any thread, where sandbox_enter() has returned 0. The same
// results.
int sandbox_seal(void);

#endif

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cprof.h for C++11: scopes that end by themselves. What each function does,
 * costs and may be called from is said there; all of this does nothing without
 * the shim, throws nothing and allocates nothing. Objects belong to the thread
 * that made them, unless they say other.
 */
#ifndef CPROF_HPP
#define CPROF_HPP

#include "cprof.h"

#include <cstddef>
#include <cstdint>

namespace cprof
{

/* Objects that stand for a scope, and are neither copied nor moved. */
class scope
{
      public:
	scope(const scope &) = delete;
	scope &operator=(const scope &) = delete;

      protected:
	scope() = default;
	~scope() = default;
};

/* A label for as long as the object lives: labels l("request", "checkout"); */
class labels : scope
{
	unsigned outside_;

      public:
	labels(const char *key, const char *value) noexcept
	    : outside_(cprof_label(key, value))
	{
	}
	/* Those of another thread: labels l(job.labels); */
	explicit labels(unsigned of_scope) noexcept
	    : outside_(cprof_labels_use(of_scope))
	{
	}
	~labels()
	{
		cprof_labels_use(outside_);
	}
	/* One more, until the end of the same scope. */
	labels &add(const char *key, const char *value) noexcept
	{
		(void)cprof_label(key, value);
		return *this;
	}
	static unsigned now() noexcept
	{
		return cprof_labels();
	}
};

/*
 * What happens while the object lives, of one kind, written to PATH at its end.
 * PATH is kept: it has to live as long. error() is 0 when it has begun.
 */
class interval : scope
{
	const char *kind_, *path_;
	int error_;

      public:
	interval(const char *kind, const char *path) noexcept
	    : kind_(kind), path_(path), error_(cprof_start(kind))
	{
	}
	~interval()
	{
		if (!error_)
			(void)cprof_stop(kind_, path_);
	}
	int error() const noexcept
	{
		return error_;
	}
};

class cpu_profile : public interval
{
      public:
	explicit cpu_profile(const char *path) noexcept : interval("cpu", path)
	{
	}
};

/* A profile of the program's own. Any thread. */
class profile
{
	int number_;

      public:
	explicit profile(const char *name) noexcept
	    : number_(cprof_profile(name))
	{
	}
	int add(std::uint64_t key) const noexcept
	{
		return cprof_profile_add(number_, key);
	}
	int add(const void *key) const noexcept
	{
		return add(reinterpret_cast<std::uintptr_t>(key));
	}
	int remove(std::uint64_t key) const noexcept
	{
		return cprof_profile_remove(number_, key);
	}
	int remove(const void *key) const noexcept
	{
		return remove(reinterpret_cast<std::uintptr_t>(key));
	}
	long count() const noexcept
	{
		return cprof_profile_count(number_);
	}
};

/* Is in PROFILE for as long as it lives: a member of what is to be counted. */
class counted : scope
{
	const profile &profile_;

      public:
	explicit counted(const profile &in) noexcept : profile_(in)
	{
		(void)profile_.add(this);
	}
	~counted()
	{
		(void)profile_.remove(this);
	}
};

/* A heap of the program's own. Any thread. */
class heap
{
	int number_;

      public:
	explicit heap(const char *name) noexcept
	    : number_(cprof_register_heap(name))
	{
	}
	void alloc(const void *p, std::size_t n_bytes) const noexcept
	{
		(void)cprof_heap_alloc(number_, p, n_bytes);
	}
	void free(const void *p) const noexcept
	{
		(void)cprof_heap_free(number_, p);
	}
};

/* While it lives, this thread's malloc is not sampled: a heap's own memory. */
class heap_pause : scope
{
	int was_paused_;

      public:
	heap_pause() noexcept : was_paused_(cprof_heap_pause(1))
	{
	}
	~heap_pause()
	{
		(void)cprof_heap_pause(was_paused_);
	}
};

} // namespace cprof

#endif

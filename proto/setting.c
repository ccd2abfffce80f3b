// SPDX-License-Identifier: Apache-2.0
//
// settings.def as a table, and one parser per type of value. Written without
// strtoull, which reads locale, skips blanks, takes signs and sets errno.
#include "proto/setting.h"

#include "proto/kind.h"
#include "proto/limits.h"

#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>

const struct setting_info setting_table[SETTING_N] = {
#define SETTING(id, env, key, type, def, help) \
	{env, key, VALUE_##type, def, help},
#include "proto/settings.def"
#undef SETTING
};

struct word {
	const char *name;
	uint64_t value;
};

// Digits at the start of *S; moves *S behind them.
static int parse_number(const char **s, uint64_t *ret_value)
{
	uint64_t v = 0;
	const char *p = *s;

	if (*p < '0' || *p > '9')
		return -EINVAL;
	for (; *p >= '0' && *p <= '9'; p++)
		if (__builtin_mul_overflow(v, 10, &v) ||
		    __builtin_add_overflow(v, (uint64_t)(*p - '0'), &v))
			return -EINVAL;
	*s = p;
	*ret_value = v;
	return 0;
}

static int find_word(const struct word *words, const char *s, uint64_t *ret)
{
	for (; words->name; words++)
		if (!strcmp(words->name, s)) {
			*ret = words->value;
			return 0;
		}
	return -EINVAL;
}

static int parse_scaled(const char *s, const struct word *units, uint64_t *ret)
{
	uint64_t v, unit;
	int err = parse_number(&s, &v);

	if (err)
		return err;
	// 0 needs no unit: it means the same in all of them.
	if (!v && !*s)
		unit = 1;
	else if ((err = find_word(units, s, &unit)))
		return err;
	if (__builtin_mul_overflow(v, unit, &v))
		return -EINVAL;
	*ret = v;
	return 0;
}

static int parse_size(const char *s, uint64_t *ret)
{
	static const struct word units[] = {
		{"", 1},	{"k", 1 << 10}, {"K", 1 << 10}, {"m", 1 << 20},
		{"M", 1 << 20}, {"g", 1 << 30}, {"G", 1 << 30}, {0, 0},
	};
	return parse_scaled(s, units, ret);
}

static int parse_time(const char *s, uint64_t *ret)
{
	static const struct word units[] = {
		{"ns", 1},
		{"us", 1000},
		{"ms", 1000000},
		{"s", 1000000000},
		{"m", 60000000000ull},
		{"h", 3600000000000ull},
		{0, 0},
	};
	return parse_scaled(s, units, ret);
}

static int parse_range(const char *s, uint64_t min, uint64_t max, uint64_t *ret)
{
	uint64_t v;
	int err = parse_number(&s, &v);

	if (err || *s || v < min || v > max)
		return -EINVAL;
	*ret = v;
	return 0;
}

// Can't be handled, is libc's own, or tells of a fault, which would come again
// and again where a handler returns.
static bool is_taken(uint64_t sig)
{
	static const uint8_t taken[] = {SIGKILL, SIGSTOP, SIGILL,  SIGTRAP,
					SIGBUS,	 SIGFPE,  SIGSEGV, SIGSYS,
					32,	 33};

	for (size_t i = 0; i < sizeof(taken); i++)
		if (sig == taken[i])
			return true;
	return false;
}

// The signals a host could spare for a profiler, by name; any other by number.
static int parse_signal(const char *s, uint64_t *ret)
{
	static const struct word names[] = {
		{"none", 0},
		{"HUP", SIGHUP},
		{"USR1", SIGUSR1},
		{"USR2", SIGUSR2},
		{"URG", SIGURG},
		{"PROF", SIGPROF},
		{"VTALRM", SIGVTALRM},
		{"WINCH", SIGWINCH},
		{"IO", SIGIO},
		{"PWR", SIGPWR},
		{"CHLD", SIGCHLD},
		{"CONT", SIGCONT},
		{"ALRM", SIGALRM},
		{"QUIT", SIGQUIT},
		{"INT", SIGINT},
		{"TERM", SIGTERM},
		{0, 0},
	};
	uint64_t sig;

	if (!strncmp(s, "SIG", 3))
		s += 3;
	if ((find_word(names, s, &sig) && parse_range(s, 1, 64, &sig)) ||
	    is_taken(sig))
		return -EINVAL;
	*ret = sig;
	return 0;
}

// Ours would not be missed by who sends it: it does nothing by default, so
// nobody's SIGTERM is swallowed, and no late tick kills. SIGCHLD is not among
// them: what the kernel does with ended children hangs on its disposition.
static int parse_quiet(const char *s, uint64_t *ret)
{
	uint64_t sig;

	if (parse_signal(s, &sig) || (sig && sig != SIGURG && sig != SIGWINCH))
		return -EINVAL;
	*ret = sig;
	return 0;
}

static int parse_kinds(const char *s, uint64_t *ret)
{
	uint64_t bits = 0;

	if (!strcmp(s, "all") || !strcmp(s, "none")) {
		*ret = *s == 'a' ? (1u << KIND_N) - 1 : 0;
		return 0;
	}
	for (;;) {
		size_t n = strcspn(s, ",");
		int kind = kind_find(s, n);

		if (kind < 0)
			return -EINVAL;
		bits |= 1ull << kind;
		if (!s[n])
			break;
		s += n + 1;
	}
	*ret = bits;
	return 0;
}

// k=v,k=v with neither side empty.
static int check_labels(const char *s)
{
	while (*s) {
		size_t n_key = strcspn(s, "=,");
		size_t n_value;

		if (!n_key || s[n_key] != '=')
			return -EINVAL;
		s += n_key + 1;
		n_value = strcspn(s, ",");
		if (!n_value)
			return -EINVAL;
		s += n_value;
		if (*s == ',' && !*++s)
			return -EINVAL;
	}
	return 0;
}

static const struct word switch_words[] = {{"off", 0},	 {"0", 0},    {"no", 0},
					   {"false", 0}, {"on", 1},   {"1", 1},
					   {"yes", 1},	 {"true", 1}, {0, 0}};
static const struct word transport_words[] = {
	{"ring", TRANSPORT_RING}, {"socket", TRANSPORT_SOCKET}, {0, 0}};
static const struct word follow_words[] = {{"all", FOLLOW_EXEC | FOLLOW_FORK},
					   {"exec", FOLLOW_EXEC},
					   {"fork", FOLLOW_FORK},
					   {"none", 0},
					   {0, 0}};
static const struct word log_words[] = {{"off", LOG_OFF},
					{"error", LOG_ERROR},
					{"info", LOG_INFO},
					{"debug", LOG_DEBUG},
					{0, 0}};

int setting_parse(enum setting_type type, const char *text, uint64_t *ret_value)
{
	switch (type) {
	case VALUE_SWITCH:
		return find_word(switch_words, text, ret_value);
	case VALUE_SIZE:
		return parse_size(text, ret_value);
	case VALUE_HZ:
		return parse_range(text, 0, 10000, ret_value);
	case VALUE_TIME:
		return parse_time(text, ret_value);
	case VALUE_COUNT:
		return parse_range(text, 0, UINT32_MAX, ret_value);
	case VALUE_DEPTH:
		return parse_range(text, 1, STACK_DEPTH_MAX, ret_value);
	case VALUE_SIGNAL:
		return parse_signal(text, ret_value);
	case VALUE_QUIET:
		return parse_quiet(text, ret_value);
	case VALUE_TRANSPORT:
		return find_word(transport_words, text, ret_value);
	case VALUE_KINDS:
		return parse_kinds(text, ret_value);
	case VALUE_FOLLOW:
		return find_word(follow_words, text, ret_value);
	case VALUE_LOG:
		return find_word(log_words, text, ret_value);
	case VALUE_LABELS:
		if (check_labels(text))
			return -EINVAL;
		break;
	case VALUE_STRING:
	case VALUE_N:
		break;
	}
	*ret_value = 0;
	return 0;
}

const char *setting_allowed(enum setting_type type)
{
	static const char *const allowed[VALUE_N] = {
		[VALUE_SWITCH] = "on or off",
		[VALUE_STRING] = "any text",
		[VALUE_SIZE] = "bytes, with k, M or G for 1024's powers",
		[VALUE_HZ] = "0 to 10000",
		[VALUE_TIME] = "a time with ns, us, ms, s, m or h",
		[VALUE_COUNT] = "a whole number",
		[VALUE_DEPTH] = "1 to 1024",
		[VALUE_SIGNAL] = ("the name or number of a signal that can be "
				  "handled and tells of no fault, or none"),
		[VALUE_QUIET] = "SIGURG, SIGWINCH or none",
		[VALUE_TRANSPORT] = "ring or socket",
		[VALUE_KINDS] = ("all, none, or a list of cpu, inuse, alloc, "
				 "block, mutex, threadcreate"),
		[VALUE_FOLLOW] = "all, exec, fork or none",
		[VALUE_LABELS] = "key=value,key=value",
		[VALUE_LOG] = "off, error, info or debug",
	};
	return allowed[type];
}

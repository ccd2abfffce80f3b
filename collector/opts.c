// SPDX-License-Identifier: Apache-2.0
//
// getopt_long over the table in opts.def.
#include "collector/opts.h"

#include "collector/push_send.h"
#include "proto/setting.h"
#include "proto/version.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define DEFAULT_LINGER_NS 2000000000ull
#define LINGER_MAX_S	  86400u
#define INTERVAL_MAX_S	  3600u
#define PUSH_INTERVAL_S	  15u
#define SPOOL_MIN_BYTES	  (64u << 10)
#define SPOOL_BYTES	  (256u << 20)
#define EXIT_USAGE	  2
// Values of options, above all characters.
#define OPTION_BASE 256

enum option_id {
#define OPTION(id, name, argument, help) OPTION_##id,
#include "collector/opts.def"
#undef OPTION
	OPTION_N
};

struct option_info {
	const char *name;
	const char *argument;
	const char *help;
};

static const struct option_info table[OPTION_N] = {
#define OPTION(id, name, argument, help) {name, argument, help},
#include "collector/opts.def"
#undef OPTION
};

static void print_help(void)
{
	printf("usage: cprofd [OPTIONS]\n"
	       "The collector of cprof: receives samples from processes that "
	       "run under\nlibcprof.so and writes their profiles.\n\n");
	for (int i = 0; i < OPTION_N; i++)
		printf("  --%s%s%s\n        %s\n", table[i].name,
		       *table[i].argument ? " " : "", table[i].argument,
		       table[i].help);
}

static int usage(int *ret_status)
{
	*ret_status = EXIT_USAGE;
	return -EINVAL;
}

static int read_linger(const char *text, struct opts *o)
{
	uint64_t seconds;

	if (setting_parse(VALUE_COUNT, text, &seconds) ||
	    seconds > LINGER_MAX_S)
		return -EINVAL;
	o->linger_ns = seconds * 1000000000u;
	return 0;
}

// A copy: the user and password in the command line are there for everybody to
// see, and go.
static int read_push(const char *text, struct opts *o)
{
	const char *host = push_send_host(text);
	const char *user = strstr(text, "://");

	o->push = strdup(text);
	if (!o->push)
		return -ENOMEM;
	if (user && host > user + 3)
		memset(optarg + (user + 3 - text), 'x',
		       (size_t)(host - user) - 4);
	return push_send_check(o->push);
}

static int read_interval(const char *text, struct opts *o)
{
	uint64_t seconds;

	if (setting_parse(VALUE_COUNT, text, &seconds) || !seconds ||
	    seconds > INTERVAL_MAX_S)
		return -EINVAL;
	o->push_interval_s = seconds;
	return 0;
}

// What would be refused without them is given up.
static int read_headers(const char *text, struct opts *o)
{
	o->push_headers = text;
	return access(text, R_OK) ? -errno : 0;
}

static int read_spool(const char *text, struct opts *o)
{
	uint64_t n_bytes;

	if (setting_parse(VALUE_SIZE, text, &n_bytes) ||
	    n_bytes < SPOOL_MIN_BYTES)
		return -EINVAL;
	o->push_spool_bytes = n_bytes;
	return 0;
}

static int read_log(const char *text, struct opts *o)
{
	uint64_t level;

	if (setting_parse(VALUE_LOG, text, &level))
		return -EINVAL;
	o->log_level = (unsigned)level;
	return 0;
}

// A copy: the one in the command line is there for everybody to see, and goes.
static int read_token(char *text, struct opts *o)
{
	o->token = strdup(text);
	if (!o->token)
		return -ENOMEM;
	memset(text, 'x', strlen(text));
	return 0;
}

// Options whose value must be of a certain form.
static const struct {
	int (*read)(const char *text, struct opts *o); // NULL: any is fine
	const char *allowed;
} forms[OPTION_N] = {
	[OPTION_LINGER] = {read_linger, "0..86400 seconds"},
	[OPTION_LOG] = {read_log, "off, error, info or debug"},
	[OPTION_PUSH] = {read_push, "http://HOST... or https://HOST..."},
	[OPTION_PUSH_HEADERS] = {read_headers, "a file that can be read"},
	[OPTION_PUSH_INTERVAL] = {read_interval, "1..3600 seconds"},
	[OPTION_PUSH_SPOOL] = {read_spool, "a size of 64k or more"},
};

static int read_form(enum option_id id, struct opts *o, int *ret_status)
{
	if (!forms[id].read(optarg, o))
		return 0;
	fprintf(stderr, "cprofd: --%s '%s' is not valid: %s\n", table[id].name,
		optarg, forms[id].allowed);
	return usage(ret_status);
}

// Does what option ID, which takes no value, says. Not 0: the program ends.
static int apply_flag(enum option_id id, struct opts *o, int *ret_status)
{
	switch (id) {
	case OPTION_AUTO:
		o->is_auto = true;
		return 0;
	case OPTION_NO_SANDBOX:
		o->is_sandboxed = false;
		return 0;
	case OPTION_EMULATED:
		o->is_emulated = true;
		return 0;
	case OPTION_CHECK_WALKS:
		o->is_checking_walks = true;
		return 0;
	case OPTION_HELP:
		print_help();
		break;
	case OPTION_VERSION:
		printf("cprofd %s\n", CPROF_VERSION);
		break;
	default:
		return usage(ret_status);
	}
	*ret_status = 0;
	return -ECANCELED;
}

static int apply(enum option_id id, struct opts *o, int *ret_status)
{
	if (forms[id].read)
		return read_form(id, o, ret_status);
	switch (id) {
	case OPTION_SOCKET:
		o->socket = optarg;
		return 0;
	case OPTION_HTTP:
		o->http = optarg;
		return 0;
	case OPTION_TOKEN:
		return read_token(optarg, o);
	case OPTION_TLS_CERT:
		o->tls_cert = optarg;
		return 0;
	case OPTION_TLS_KEY:
		o->tls_key = optarg;
		return 0;
	default:
		return apply_flag(id, o, ret_status);
	}
}

// The value of a variable, or NULL when it is not set or empty.
static const char *variable(const char *name)
{
	const char *value = secure_getenv(name);

	return value && *value ? value : NULL;
}

// What was not given comes from the environment.
static void read_environment(struct opts *o)
{
	if (!o->http)
		o->http = variable("CPROF_HTTP");
	if (!o->token || !*o->token)
		o->token = variable("CPROF_TOKEN");
	if (!o->tls_cert)
		o->tls_cert = variable("CPROF_TLS_CERT");
	if (!o->tls_key)
		o->tls_key = variable("CPROF_TLS_KEY");
}

int opts_parse(int argc, char **argv, struct opts *ret, int *ret_status)
{
	struct opts o = {.linger_ns = DEFAULT_LINGER_NS,
			 .log_level = LOG_ERROR,
			 .push_interval_s = PUSH_INTERVAL_S,
			 .push_spool_bytes = SPOOL_BYTES,
			 .is_sandboxed = true};
	struct option options[OPTION_N + 1] = {0};
	int c, err;

	for (int i = 0; i < OPTION_N; i++)
		options[i] = (struct option){table[i].name,
					     *table[i].argument != '\0', NULL,
					     OPTION_BASE + i};
	// getopt prints one line by itself: "cprofd: unrecognized option ...".
	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (c < OPTION_BASE)
			return usage(ret_status);
		err = apply((enum option_id)(c - OPTION_BASE), &o, ret_status);
		if (err)
			return err;
	}
	if (optind < argc) {
		fprintf(stderr, "cprofd: '%s' is not expected: see --help\n",
			argv[optind]);
		return usage(ret_status);
	}
	read_environment(&o);
	if (!o.tls_cert != !o.tls_key) {
		fprintf(stderr, "cprofd: --tls-cert and --tls-key belong "
				"together: one is missing\n");
		return usage(ret_status);
	}
	*ret = o;
	return 0;
}

// SPDX-License-Identifier: Apache-2.0
//
// Description: any text as the value of any setting, and any environment: what
// is not understood is refused with nothing written, and the shim goes on with
// its defaults.
//
// The input is an environment: NAME=value, each ended by a NUL.
// fuzz: -max_len=16384
// The module itself, not its header: its pool, which a process fills once, is
// emptied between two inputs.
#include "preload/conf.c"
#include "proto/kind.h"
#include "proto/limits.h"

#include "test/fuzz/fuzz.h"

#include <unistd.h>

#define VARIABLES_MAX 64

static void try_value(const char *text)
{
	for (int type = 0; type < VALUE_N; type++) {
		uint64_t value = 0x5555;
		int err = setting_parse((enum setting_type)type, text, &value);

		REQUIRE(!err || value == 0x5555);
		if (err)
			continue;
		REQUIRE(type != VALUE_HZ || value <= 10000);
		REQUIRE(type != VALUE_DEPTH ||
			(value && value <= STACK_DEPTH_MAX));
		REQUIRE(type != VALUE_KINDS || value >> KIND_N == 0);
		REQUIRE((type != VALUE_SIGNAL && type != VALUE_QUIET) ||
			value <= 64);
	}
}

// The settings of a process with that environment.
static void try_environment(char **variables)
{
	char **before = environ;

	memset(&conf, 0, sizeof(conf));
	pool_used = 0;
	environ = variables;
	conf_init();
	environ = before;
	for (int id = 0; id < SETTING_N; id++) {
		uint64_t value;

		REQUIRE(conf.texts[id]);
		REQUIRE(!setting_parse(setting_table[id].type, conf.texts[id],
				       &value));
		REQUIRE(value == conf.values[id]);
	}
	for (int i = 0; conf.env[i]; i++)
		REQUIRE(strchr(conf.env[i], '='));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n_bytes)
{
	char *variables[VARIABLES_MAX + 1] = {0};
	char *text = malloc(n_bytes + 1);
	int n = 0;

	memcpy(text, data, n_bytes);
	text[n_bytes] = '\0';
	for (char *at = text; at < text + n_bytes && n < VARIABLES_MAX;
	     at += strlen(at) + 1) {
		const char *value = strchr(at, '=');

		variables[n++] = at;
		try_value(value ? value + 1 : at);
	}
	try_environment(variables);
	free(text);
	return 0;
}

static void write_seeds(void)
{
	static const char good[] =
		"CPROF_HEAP_RATE=1k\0CPROF_CPU_HZ=99\0"
		"CPROF_BLOCK_RATE=5ms\0CPROF_SIGNAL=SIGHUP\0"
		"CPROF_EXIT=cpu,inuse\0CPROF_LABELS=a=b,c=d\0"
		"CPROF_DIR=/tmp/%{HOME}/%p%{X}\0HOME=/root\0"
		"X=y\0CPROF_FOLLOW=exec\0CPROF=off";
	char all[2048];
	size_t n = 0;

	fuzz_seed("good", good, sizeof(good));
	for (int id = 0; id < SETTING_N; id++)
		n += (size_t)snprintf(all + n, sizeof(all) - n, "%s=%s%c",
				      setting_table[id].env,
				      setting_table[id].def, 0);
	fuzz_seed("defaults", all, n);
}

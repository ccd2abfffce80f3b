// SPDX-License-Identifier: Apache-2.0
//
// CPROF_LOG.
#include "preload/say.h"

#include "preload/conf.h"
#include "preload/state.h"
#include "preload/sys.h"
#include "preload/text.h"

void say(int level, const char *text)
{
	char line[256];
	struct text t;

	if (conf.values[SETTING_LOG] < (uint64_t)level || state_is_sandboxed())
		return;
	text_init(&t, line, sizeof(line) - 1);
	text_add(&t, "cprof[");
	text_add_number(&t, (uint64_t)sys_call(SYS_getpid));
	text_add(&t, "]: ");
	text_add(&t, text);
	line[t.n_bytes++] = '\n';
	(void)sys_call(SYS_write, 2, line, t.n_bytes);
}

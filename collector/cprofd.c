// SPDX-License-Identifier: Apache-2.0
//
// The collector's main: options, then the server.
#include "collector/mem.h"
#include "collector/opts.h"
#include "collector/server.h"

int main(int argc, char **argv)
{
	struct opts o;
	int status;

	if (opts_parse(argc, argv, &o, &status))
		return status;
	mem_tune();
	return server_run(&o);
}

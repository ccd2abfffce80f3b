// SPDX-License-Identifier: Apache-2.0
//
// The collector's main: options, then the server.
#include "collector/opts.h"
#include "collector/server.h"

int main(int argc, char **argv)
{
	struct opts o;
	int status;

	if (opts_parse(argc, argv, &o, &status))
		return status;
	return server_run(&o);
}

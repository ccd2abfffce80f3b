// SPDX-License-Identifier: Apache-2.0
//
// The command line's main; everything it does is in the ctl_ modules.
#include "collector/ctl_command.h"

int main(int argc, char **argv)
{
	return ctl_command_main(argc, argv);
}

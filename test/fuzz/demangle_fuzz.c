// SPDX-License-Identifier: Apache-2.0
//
// Description: the name of any symbol: demangling ends, soon, and does not
// crash.
// fuzz: -max_len=5000
#include "collector/demangle.h"

#include "test/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n_bytes)
{
	char *name = malloc(n_bytes + 3);

	// Others are not looked at.
	memcpy(name, "_", 1);
	memcpy(name + 1, data, n_bytes);
	name[n_bytes + 1] = '\0';
	free(demangle(name));
	free(name);
	return 0;
}

static void write_seeds(void)
{
	static const char *const names[] = {
		"ZN3foo3barIiSsEEvT_S0_",
		"ZNSt6vectorIiSaIiEE9push_backERKi",
		"ZZN1A1BEvENKUlvE_clEv",
		"ZN4core3fmt9Formatter3pad17h0123456789abcdefE",
		"RNvCs1234_7mycrate3foo",
		"RINvNtC3std3mem8align_ofjdE",
		"ZN1fIJLi1ELi2EEEDTcl1gspT_EEv",
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		char name[16];

		snprintf(name, sizeof(name), "%zu", i);
		fuzz_seed(name, names[i], strlen(names[i]));
	}
}

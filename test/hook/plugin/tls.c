// SPDX-License-Identifier: Apache-2.0
//
// A library with dynamic thread-local storage, opened in sixty copies.
int touch(void);

static __thread int words[64] = {1};

int touch(void)
{
	return ++words[3];
}

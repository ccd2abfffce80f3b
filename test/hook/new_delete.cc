// SPDX-License-Identifier: Apache-2.0
//
// 10,000 pairs each of new/delete, new[]/delete[] and malloc/free; linked with
// libc's allocator and with others, some of which bring an operator new of
// their own. Good: at rate 1 the profile has all 30,000 blocks of 100 bytes.
#include <cstdio>
#include <cstdlib>

namespace
{

enum { N_ROUNDS = 10000 };

struct block {
	char bytes[100];
};

} // namespace

int main()
{
	for (int i = 0; i < N_ROUNDS; i++) {
		block *volatile one = new block;
		char *volatile many = new char[100];
		void *volatile c = std::malloc(100);

		delete one;
		delete[] many;
		std::free(c);
	}
	std::puts("ok");
}

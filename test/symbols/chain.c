// SPDX-License-Identifier: Apache-2.0
//
// Description: a chain of inlined calls at the address of chain_here, in each
// of several forms of file and debug information (formats_test.py builds them).
static inline __attribute__((always_inline)) int inner(int x)
{
	__asm__ volatile(".globl chain_here; chain_here: nop; nop" : "+r"(x));
	return x;
}

static inline __attribute__((always_inline)) int middle(int x)
{
	return inner(x + 1) * 3;
}

int outer(int x);
__attribute__((noinline)) int outer(int x)
{
	return middle(x) - 1;
}

#ifdef WITH_MAIN
int main(int argc, char **argv)
{
	(void)argv;
	return outer(argc) != 5;
}
#endif

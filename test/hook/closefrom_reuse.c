// SPDX-License-Identifier: Apache-2.0
//
// Looks which number its first open() gets, then closes everything from 3 up
// as daemons do, and uses the numbers again for files of its own. Good: the
// first number is 3 (nobody holds a descriptor), and the files hold what the
// program wrote and nothing else.
#include "test/lib/host.h"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

enum { N_FILES = 8, N_ROUNDS = 1000, WORD_BYTES = 8 };

static const char word[WORD_BYTES + 1] = "abcdefgh";

static int n_wrong_words(int fd)
{
	char got[WORD_BYTES];
	int n = 0, n_wrong = 0;

	lseek(fd, 0, SEEK_SET);
	for (; read(fd, got, WORD_BYTES) == WORD_BYTES; n++)
		n_wrong += memcmp(got, word, WORD_BYTES) != 0;
	return n_wrong + abs(n - N_ROUNDS);
}

int main(void)
{
	int fds[N_FILES], n_wrong = 0, n_short = 0;
	int first = open("/dev/null", O_RDONLY);

	closefrom(3);
	for (int i = 0; i < N_FILES; i++) {
		char path[] = "/tmp/closefrom_XXXXXX";

		fds[i] = mkstemp(path);
		unlink(path);
	}
	for (int round = 0; round < N_ROUNDS; round++) {
		void *volatile p = malloc(100 + (size_t)round);

		for (int i = 0; i < N_FILES; i++)
			n_short +=
				write(fds[i], word, WORD_BYTES) != WORD_BYTES;
		free(p);
	}
	for (int i = 0; i < N_FILES; i++)
		n_wrong += n_wrong_words(fds[i]);
	return host_verdict(first != 3 || n_wrong || n_short,
			    "first_fd=%d wrong_words=%d short_writes=%d", first,
			    n_wrong, n_short);
}

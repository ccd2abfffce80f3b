// SPDX-License-Identifier: Apache-2.0
//
// A profile too large for one piece of an answer: blocks under a thousand
// labels, asked for by cprof_write() as the file of the argument; into a pipe
// that holds a page, whose reader takes it by bits; into a pipe's other end;
// and into a pipe that nobody reads.
#include "preload/cprof.h"

#include "test/lib/host.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define N_LABELS 1000

static int ends[2];
static long n_read;

static void *read_by_bits(void *arg)
{
	char bits[512];
	ssize_t n;

	while ((n = read(ends[0], bits, sizeof(bits))) > 0)
		n_read += n;
	return arg;
}

static void write_to_pipe(void)
{
	pthread_t reader;
	int status;

	if (pipe(ends) || fcntl(ends[1], F_SETPIPE_SZ, 4096) < 0 ||
	    pthread_create(&reader, NULL, read_by_bits, NULL))
		return;
	status = cprof_write_fd("allocs", ends[1]);
	close(ends[1]);
	pthread_join(reader, NULL);
	printf("piped %d\npiped_bytes %ld\nread_end %d\n", status, n_read,
	       cprof_write_fd("allocs", ends[0]));
}

// Into a pipe that nobody reads: not for ever.
static void write_to_nobody(void)
{
	double start_s = host_now_s();
	int status;

	if (pipe(ends) || fcntl(ends[1], F_SETPIPE_SZ, 4096) < 0)
		return;
	status = cprof_write_fd("allocs", ends[1]);
	printf("unread %d\nunread_s %.3f\n", status, host_now_s() - start_s);
}

int main(int argc, char **argv)
{
	char value[32];

	for (unsigned i = 0; i < N_LABELS; i++) {
		unsigned outside;

		// Values that gzip can't make much smaller.
		snprintf(value, sizeof(value), "%08x", i * 2654435761u);
		outside = cprof_label("request", value);
		if (!malloc(100 + i))
			return 1;
		cprof_labels_use(outside);
	}
	printf("status %d\n", argc > 1 ? cprof_write("allocs", argv[1]) : -1);
	write_to_pipe();
	write_to_nobody();
	return 0;
}

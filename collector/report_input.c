// SPDX-License-Identifier: Apache-2.0
//
// A gzip file may be cut, go on behind its end, or unpack to more than there
// is memory: each is said, with the place.
#include "collector/report_input.h"

#include "collector/report_mem.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

#define CHUNK_BYTES	 ((size_t)64 << 10)
#define GZIP_MAGIC_0	 0x1f
#define GZIP_MAGIC_1	 0x8b
#define GZIP_WINDOW_BITS (15 + 16) // 16: gzip and nothing else

void report_input_free(struct report_input *input)
{
	free(input->bytes);
	*input = (struct report_input){0};
}

static int refuse_size(struct report_error *error)
{
	return report_error_set(error, -EFBIG, "it is longer than %zu MiB",
				REPORT_INPUT_MAX_BYTES >> 20);
}

static int read_all(int fd, struct report_input *input,
		    struct report_error *error)
{
	size_t capacity = 0;

	for (;;) {
		ssize_t n;

		input->bytes = report_mem_grow(input->bytes, &capacity,
					       input->n_bytes + CHUNK_BYTES, 1);
		n = read(fd, input->bytes + input->n_bytes,
			 capacity - input->n_bytes);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return report_error_set(error, -errno, "%s",
						strerror(errno));
		if (!n)
			return 0;
		input->n_bytes += (size_t)n;
		if (input->n_bytes > REPORT_INPUT_MAX_BYTES)
			return refuse_size(error);
	}
}

int report_input_file(const char *path, struct report_input *ret_input,
		      struct report_error *error)
{
	struct report_input input = {0};
	bool is_stdin = !strcmp(path, "-");
	int fd = is_stdin ? STDIN_FILENO
			  : open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	int err;

	if (fd < 0)
		return report_error_set(error, -errno, "%s", strerror(errno));
	err = read_all(fd, &input, error);
	if (!is_stdin)
		(void)close(fd); // it was only read
	if (!err)
		err = report_input_unpack(&input, error);
	if (err)
		report_input_free(&input);
	else
		*ret_input = input;
	return err;
}

struct unpack {
	z_stream stream;
	struct report_input out;
	size_t capacity;
};

static int grow_output(struct unpack *u, struct report_error *error)
{
	if (u->out.n_bytes >= REPORT_INPUT_MAX_BYTES)
		return refuse_size(error);
	u->out.bytes = report_mem_grow(u->out.bytes, &u->capacity,
				       u->out.n_bytes + CHUNK_BYTES, 1);
	u->stream.next_out = u->out.bytes + u->out.n_bytes;
	u->stream.avail_out = (uInt)(u->capacity - u->out.n_bytes);
	return 0;
}

// What zlib said of the member that ends at byte AT.
static int refuse_gzip(const struct unpack *u, int said, size_t at,
		       struct report_error *error)
{
	if (said == Z_BUF_ERROR || said == Z_OK)
		return report_error_set(error, -EBADMSG,
					"its gzip data is cut off at byte %zu",
					at);
	if (u->out.n_bytes && at && u->stream.total_out == 0)
		return report_error_set(
			error, -EBADMSG,
			"there are bytes behind the end of its gzip data, at "
			"byte %zu",
			at);
	return report_error_set(error, -EBADMSG,
				"its gzip data is damaged at byte %zu (%s)", at,
				u->stream.msg ? u->stream.msg : "inflate");
}

// One member. 0 at its end.
static int unpack_member(struct unpack *u, size_t n_in,
			 struct report_error *error)
{
	for (;;) {
		int err = grow_output(u, error), said;
		size_t before;

		if (err)
			return err;
		before = u->stream.avail_out;
		said = inflate(&u->stream, Z_NO_FLUSH);
		u->out.n_bytes += before - u->stream.avail_out;
		if (said == Z_STREAM_END)
			return 0;
		if (said == Z_OK &&
		    (u->stream.avail_in || !u->stream.avail_out))
			continue;
		return refuse_gzip(u, said, n_in - u->stream.avail_in, error);
	}
}

static int unpack_all(struct unpack *u, const struct report_input *in,
		      struct report_error *error)
{
	u->stream.next_in = in->bytes;
	u->stream.avail_in = (uInt)in->n_bytes;
	if (inflateInit2(&u->stream, GZIP_WINDOW_BITS) != Z_OK)
		report_mem_fail();
	for (;;) {
		int err = unpack_member(u, in->n_bytes, error);

		if (err || !u->stream.avail_in)
			return err;
		(void)inflateReset(&u->stream); // it is initialised
	}
}

int report_input_unpack(struct report_input *input, struct report_error *error)
{
	struct unpack u = {0};
	int err;

	if (input->n_bytes < 2 || input->bytes[0] != GZIP_MAGIC_0 ||
	    input->bytes[1] != GZIP_MAGIC_1)
		return 0;
	err = unpack_all(&u, input, error);
	(void)inflateEnd(&u.stream);
	report_input_free(input);
	if (err)
		report_input_free(&u.out);
	else
		*input = u.out;
	return err;
}

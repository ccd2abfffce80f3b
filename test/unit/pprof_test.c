// SPDX-License-Identifier: Apache-2.0
//
// Description: a snapshot with real frames of this process, written and read
// back: ids, names, inlined frames, labels, allocator frames left out, rows of
// nothing left out, pseudo frames named; and the same file read by
// `go tool pprof` where there is one. Prints the speed for 10,000 stacks.
#include "collector/pprof.h"
#include "collector/shared.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <zlib.h>

#include <cmocka.h>

#include "proto/profile.pb-c.h"

#define MANY_STACKS 10000u
#define DEEP	    30u

static struct images *images;
static struct snap *snap;

static inline __attribute__((always_inline)) int inlined_function(int x)
{
	__asm__ volatile("nop; .globl inlined_here; inlined_here: nop; nop"
			 : "+r"(x));
	return x;
}
extern char inlined_here[];

__attribute__((noinline)) int outer_function(int x);
__attribute__((noinline)) int outer_function(int x)
{
	return inlined_function(x) + 1;
}

static struct frame frame_at(const void *addr)
{
	return (struct frame){
		.addr = (uint64_t)addr,
		.image = images_find(images, (uint64_t)addr, 0),
	};
}

static struct frame pseudo(enum frame_pseudo which)
{
	return (struct frame){.addr = which, .image = FRAME_PSEUDO};
}

static void add_stack(const struct frame *frames, uint32_t n)
{
	memcpy(&snap->frames[snap->n_frames], frames, n * sizeof(*frames));
	snap->stacks[snap->n_stacks++] = (struct snap_stack){
		.first = (uint32_t)snap->n_frames,
		.n = n,
	};
	snap->n_frames += n;
}

static void add_row(uint32_t stack, uint32_t tid, double count, double bytes)
{
	snap->rows[snap->n_rows++] = (struct snap_row){
		.stack = stack,
		.tid = tid,
		.values = {count, bytes, count, bytes},
	};
}

static void add_images(void)
{
	snap->n_images = images_count(images);
	snap->images = calloc(snap->n_images, sizeof(*snap->images));
	for (uint32_t i = 0; i < snap->n_images; i++)
		snap->images[i] = image_ref(images_get(images, i + 1));
}

static void add_threads(void)
{
	snap->threads = calloc(2, sizeof(*snap->threads));
	snap->n_threads = 2;
	snap->threads[0] = (struct snap_thread){.tid = 100, .name = "worker-1"};
	snap->threads[1] = (struct snap_thread){.tid = 200, .name = "io"};
}

static void *room_for(size_t n, size_t n_bytes_each)
{
	void *room = shared_new(n * n_bytes_each);

	assert_non_null(room);
	assert_int_equal(shared_grow(room, n * n_bytes_each), 0);
	return room;
}

static int setup(void **state)
{
	(void)state;
	images = images_new(open("/proc/self/maps", O_RDONLY | O_CLOEXEC),
			    (uint32_t)getpid(), (uint64_t)outer_function);
	snap = calloc(1, sizeof(*snap));
	snap->kind = KIND_INUSE;
	snap->time_ns = 1700000000000000000;
	snap->duration_ns = 5000000000;
	snap->period = 524288;
	strcpy(snap->comm, "victim");
	snap->rows = calloc(MANY_STACKS + 16, sizeof(*snap->rows));
	snap->stacks = room_for(MANY_STACKS + 16, sizeof(*snap->stacks));
	snap->frames =
		room_for((MANY_STACKS + 16) * DEEP, sizeof(*snap->frames));
	snap->labels = strdup("env=prod,region=eu");
	snap->comments = calloc(1, sizeof(*snap->comments));
	snap->comments[snap->n_comments++] = strdup("heap rate 524288");
	add_images();
	add_threads();
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	snap_free(snap);
	images_free(images);
	return 0;
}

static Perftools__Profiles__Profile *read_back(const struct buf *b)
{
	static uint8_t bytes[64 << 20];
	z_stream z = {
		.next_in = (uint8_t *)b->data,
		.avail_in = (uInt)b->n_bytes,
		.next_out = bytes,
		.avail_out = sizeof(bytes),
	};
	Perftools__Profiles__Profile *p;

	assert_int_equal(inflateInit2(&z, 15 + 16), Z_OK);
	assert_int_equal(inflate(&z, Z_FINISH), Z_STREAM_END);
	p = perftools__profiles__profile__unpack(NULL, z.total_out, bytes);
	inflateEnd(&z);
	assert_non_null(p);
	return p;
}

// What Parca and pprof demand of every profile.
static void check_ids(const Perftools__Profiles__Profile *p)
{
	assert_string_equal(p->string_table[0], "");
	for (size_t i = 0; i < p->n_mapping; i++)
		assert_int_equal(p->mapping[i]->id, i + 1);
	for (size_t i = 0; i < p->n_function; i++) {
		assert_int_equal(p->function[i]->id, i + 1);
		assert_in_range(p->function[i]->name, 1, p->n_string_table - 1);
	}
	for (size_t i = 0; i < p->n_location; i++) {
		const Perftools__Profiles__Location *l = p->location[i];
		assert_int_equal(l->id, i + 1);
		assert_true(l->n_line > 0);
		assert_true(l->mapping_id <= p->n_mapping);
		for (size_t n = 0; n < l->n_line; n++)
			assert_in_range(l->line[n]->function_id, 1,
					p->n_function);
	}
	for (size_t i = 0; i < p->n_sample; i++) {
		assert_true(p->sample[i]->n_location_id > 0);
		assert_int_equal(p->sample[i]->n_value, p->n_sample_type);
	}
}

static const char *name_of(const Perftools__Profiles__Profile *p,
			   const Perftools__Profiles__Sample *s, size_t at,
			   size_t line)
{
	const Perftools__Profiles__Location *l =
		p->location[s->location_id[at] - 1];

	assert_true(line < l->n_line);
	return p->string_table[p->function[l->line[line]->function_id - 1]
				       ->name];
}

static const Perftools__Profiles__Label *
label_of(const Perftools__Profiles__Profile *p,
	 const Perftools__Profiles__Sample *s, const char *key)
{
	for (size_t i = 0; i < s->n_label; i++)
		if (!strcmp(p->string_table[s->label[i]->key], key))
			return s->label[i];
	return NULL;
}

static void fill_small(void)
{
	struct frame shown[] = {
		frame_at((char *)malloc + 4),
		frame_at(inlined_here),
		frame_at((char *)printf + 8),
		pseudo(FRAME_TRUNCATED),
	};
	struct frame only_malloc[] = {frame_at((char *)malloc + 4)};
	struct frame nowhere[] = {{.addr = 0x1234}, pseudo(FRAME_UNKNOWN)};

	add_stack(shown, 4);
	add_stack(only_malloc, 1);
	add_stack(nowhere, 2);
	add_row(0, 100, 3.4, 1000.6);
	add_row(0, 999, 1, 10);
	add_row(1, 200, 1, 16);
	add_row(2, 0, 1, 8);
	add_row(0, 200, 0.2, 0.4); // rounds to nothing
}

static void test_model(void **state)
{
	struct buf b;
	Perftools__Profiles__Profile *p;

	(void)state;
	buf_init(&b);
	fill_small();
	assert_int_equal(pprof_write(snap, &b), 0);
	p = read_back(&b);
	check_ids(p);
	assert_int_equal(p->n_sample, 4);
	assert_int_equal(p->sample[0]->value[0], 3);
	assert_int_equal(p->sample[0]->value[3], 1001);
	assert_string_equal(name_of(p, p->sample[0], 0, 0), "inlined_function");
	assert_string_equal(name_of(p, p->sample[0], 0, 1), "outer_function");
	assert_string_equal(name_of(p, p->sample[0], 1, 0), "printf");
	assert_string_equal(name_of(p, p->sample[0], 2, 0), "[truncated]");
	assert_string_equal(name_of(p, p->sample[2], 0, 0), "malloc");
	assert_string_equal(name_of(p, p->sample[3], 0, 0), "[unknown]");
	assert_int_equal(p->location[p->sample[0]->location_id[0] - 1]->address,
			 (uint64_t)inlined_here);
	perftools__profiles__profile__free_unpacked(p, NULL);
	buf_fini(&b);
}

static void test_header_and_labels(void **state)
{
	struct buf b;
	Perftools__Profiles__Profile *p;
	const char *file;

	(void)state;
	buf_init(&b);
	fill_small();
	assert_int_equal(pprof_write(snap, &b), 0);
	p = read_back(&b);
	file = p->string_table[p->mapping[0]->filename];
	assert_non_null(strstr(file, "pprof_test"));
	assert_int_equal(p->n_sample_type, 4);
	assert_string_equal(p->string_table[p->sample_type[3]->type],
			    "inuse_space");
	assert_int_equal(p->default_sample_type, 0);
	assert_string_equal(p->string_table[p->period_type->type], "space");
	assert_int_equal(p->period, 524288);
	assert_int_equal(p->time_nanos, snap->time_ns);
	assert_string_equal(p->string_table[p->comment[0]], "heap rate 524288");
	assert_string_equal(
		p->string_table[label_of(p, p->sample[0], "thread")->str],
		"worker-1");
	assert_int_equal(label_of(p, p->sample[0], "tid")->num, 100);
	assert_string_equal(
		p->string_table[label_of(p, p->sample[0], "region")->str],
		"eu");
	assert_null(label_of(p, p->sample[1], "thread"));
	assert_int_equal(label_of(p, p->sample[1], "tid")->num, 999);
	assert_null(label_of(p, p->sample[3], "tid"));
	perftools__profiles__profile__free_unpacked(p, NULL);
	buf_clear(&b);
	snap->kind = KIND_ALLOC;
	assert_int_equal(pprof_write(snap, &b), 0);
	p = read_back(&b);
	assert_string_equal(p->string_table[p->default_sample_type],
			    "alloc_space");
	perftools__profiles__profile__free_unpacked(p, NULL);
	buf_fini(&b);
}

static void test_empty(void **state)
{
	struct buf b;
	Perftools__Profiles__Profile *p;

	(void)state;
	buf_init(&b);
	snap->kind = KIND_BLOCK;
	assert_int_equal(pprof_write(snap, &b), 0);
	p = read_back(&b);
	check_ids(p);
	assert_int_equal(p->n_sample, 0);
	assert_int_equal(p->n_mapping, 1);
	perftools__profiles__profile__free_unpacked(p, NULL);
	buf_fini(&b);
}

static void write_file(const struct buf *b, char *path)
{
	int fd = mkstemps(path, strlen(".pb.gz"));

	assert_true(fd >= 0);
	assert_int_equal(write(fd, b->data, b->n_bytes), b->n_bytes);
	close(fd);
}

static void run_pprof(const char *option, const char *path, const char *wanted)
{
	char command[512], out[65536] = "";
	size_t n;
	FILE *f;

	snprintf(command, sizeof(command), "go tool pprof %s %s 2>&1", option,
		 path);
	f = popen(command, "r");
	assert_non_null(f);
	n = fread(out, 1, sizeof(out) - 1, f);
	out[n] = '\0';
	if (pclose(f) != 0 || !strstr(out, wanted))
		fail_msg("%s: no \"%s\" in:\n%s", command, wanted, out);
}

static void test_go_tool(void **state)
{
	char path[] = "/tmp/pprof_test-XXXXXX.pb.gz";
	struct buf b;

	(void)state;
	if (system("go version >/dev/null 2>&1") != 0) {
		print_message("no go: not compared with its pprof\n");
		skip();
	}
	buf_init(&b);
	fill_small();
	assert_int_equal(pprof_write(snap, &b), 0);
	write_file(&b, path);
	run_pprof("-top", path, "inlined_function (inline)");
	run_pprof("-raw", path, "printf");
	run_pprof("-traces", path, "worker-1");
	run_pprof("-tags", path, "tid");
	run_pprof("-comments", path, "heap rate");
	run_pprof("-tagfocus=thread=worker-1 -top", path, "1001B");
	if (!getenv("KEEP"))
		unlink(path);
	buf_fini(&b);
}

static double now_s(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void test_speed(void **state)
{
	const struct image *libc =
		snap->images[frame_at((const void *)printf).image - 1];
	struct frame frames[DEEP];
	unsigned seed = 1;
	double first, second;
	Perftools__Profiles__Profile *p;
	struct buf b;

	(void)state;
	buf_init(&b);
	snap->kind = KIND_CPU;
	for (uint32_t i = 0; i < MANY_STACKS; i++) {
		for (uint32_t n = 0; n < DEEP; n++)
			frames[n] = frame_at(
				(void *)(libc->start +
					 (uint64_t)rand_r(&seed) % 5000 * 64));
		add_stack(frames, DEEP);
		add_row(i, 100, 1, 10000000);
	}
	first = now_s();
	assert_int_equal(pprof_write(snap, &b), 0);
	first = now_s() - first;
	buf_clear(&b);
	second = now_s();
	assert_int_equal(pprof_write(snap, &b), 0);
	second = now_s() - second;
	print_message("speed: %u stacks of %u frames, %zu bytes: first "
		      "%.3f s, again %.3f s\n",
		      MANY_STACKS, DEEP, b.n_bytes, first, second);
	p = read_back(&b);
	check_ids(p);
	perftools__profiles__profile__free_unpacked(p, NULL);
	buf_fini(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_model, setup, teardown),
		cmocka_unit_test_setup_teardown(test_header_and_labels, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_empty, setup, teardown),
		cmocka_unit_test_setup_teardown(test_go_tool, setup, teardown),
		cmocka_unit_test_setup_teardown(test_speed, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

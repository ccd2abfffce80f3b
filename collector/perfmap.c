// SPDX-License-Identifier: Apache-2.0
//
// The file only grows: it is opened once, in the process's own /tmp and under
// the pid the process itself knows, and read on from where it ended whenever
// somebody asks and it has grown. A process that died is asked no more, but its
// file stays open.
#include "collector/perfmap.h"

#include "collector/mem.h"
#include "collector/procfs.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define FILE_MAX_BYTES ((uint64_t)128 << 20) // read of it
#define TEXT_MAX_BYTES ((size_t)48 << 20)    // names kept
#define ENTRIES_MAX    ((size_t)1 << 20)
#define LINE_MAX_BYTES 1024u // longer ones are cut
#define CODE_MAX_BYTES ((uint64_t)1 << 30)
#define CHUNK_BYTES    ((size_t)64 << 10)
// Older code at lower addresses is looked through so far for one that reaches
// to here.
#define BACK_MAX 256u
// The file is looked at, and looked for, so often.
#define LOOK_NS 100000000ll
// What /proc and the file system say of times may differ by so much.
#define CLOCK_SLACK_S 2

// Code [start, limit); the one with the greater text was written later.
struct code {
	uint64_t start;
	uint64_t limit;
	size_t text; // where its name begins
};

// Invariants: the first n_sorted codes are sorted by start, then text; all
// names end in NUL inside the text.
struct perfmap {
	_Atomic uint32_t x_n_refs;
	pthread_mutex_t lock; // leaf; for all that follows
	uint32_t pid;
	int fd; // -1 until it was found
	int64_t looked_ns;
	uint64_t n_read; // of the file
	struct code *codes;
	size_t n_codes, codes_capacity, n_sorted;
	char *text;
	size_t n_text, text_capacity;
	char line[LINE_MAX_BYTES]; // begun, and not yet ended
	size_t n_line;
};

struct perfmap *perfmap_new(uint32_t pid)
{
	struct perfmap *m = calloc(1, sizeof(*m));

	if (!m)
		return NULL;
	atomic_init(&m->x_n_refs, 1);
	pthread_mutex_init(&m->lock, NULL);
	m->pid = pid;
	m->fd = -1;
	m->looked_ns = -LOOK_NS;
	return m;
}

struct perfmap *perfmap_ref(struct perfmap *m)
{
	// Relaxed: the caller holds a reference already.
	atomic_fetch_add_explicit(&m->x_n_refs, 1, memory_order_relaxed);
	return m;
}

void perfmap_unref(struct perfmap *m)
{
	// As image_unref().
	if (!m || atomic_fetch_sub_explicit(&m->x_n_refs, 1,
					    memory_order_acq_rel) != 1)
		return;
	if (m->fd >= 0)
		close(m->fd);
	pthread_mutex_destroy(&m->lock);
	free(m->codes);
	free(m->text);
	free(m);
}

static void add_code(struct perfmap *m, struct code code, const char *name)
{
	size_t n = strlen(name) + 1;
	void *grown;

	if (m->n_codes == ENTRIES_MAX || n > TEXT_MAX_BYTES - m->n_text)
		return;
	grown = mem_grow(m->codes, &m->codes_capacity, m->n_codes + 1,
			 sizeof(*m->codes));
	if (!grown)
		return;
	m->codes = grown;
	grown = mem_grow(m->text, &m->text_capacity, m->n_text + n, 1);
	if (!grown)
		return;
	m->text = grown;
	memcpy(m->text + m->n_text, name, n);
	code.text = m->n_text;
	m->n_text += n;
	m->codes[m->n_codes++] = code;
}

// "START SIZE NAME", the numbers in hex, with 0x or without.
static void take_line(struct perfmap *m, const char *line)
{
	struct code code = {0};
	uint64_t n_bytes;
	char *end;

	errno = 0;
	code.start = strtoull(line, &end, 16);
	if (end == line || *end != ' ')
		return;
	line = end + 1;
	n_bytes = strtoull(line, &end, 16);
	if (end == line || *end != ' ' || !end[1] || errno || n_bytes == 0 ||
	    n_bytes > CODE_MAX_BYTES ||
	    __builtin_add_overflow(code.start, n_bytes, &code.limit))
		return;
	add_code(m, code, end + 1);
}

static void feed(struct perfmap *m, const char *bytes, size_t n_bytes)
{
	for (size_t i = 0; i < n_bytes; i++) {
		if (bytes[i] == '\n') {
			m->line[m->n_line] = '\0';
			take_line(m, m->line);
			m->n_line = 0;
		} else if (m->n_line < LINE_MAX_BYTES - 1) {
			m->line[m->n_line++] = bytes[i] ? bytes[i] : '?';
		}
	}
}

void perfmap_feed(struct perfmap *m, const char *bytes, size_t n_bytes)
{
	pthread_mutex_lock(&m->lock);
	feed(m, bytes, n_bytes);
	pthread_mutex_unlock(&m->lock);
}

// When the process began, in seconds since 1970; 0: nobody knows.
static time_t start_time(uint32_t pid)
{
	struct procfs_stat stat;
	struct timespec boot, now;

	if (procfs_stat(pid, &stat) || clock_gettime(CLOCK_BOOTTIME, &boot) ||
	    clock_gettime(CLOCK_REALTIME, &now))
		return 0;
	return now.tv_sec - boot.tv_sec +
	       (time_t)(stat.start_ticks / (uint64_t)sysconf(_SC_CLK_TCK));
}

// Is it the process's own: its user's, and not left by another that had this
// pid before (in a container with few of them that is no rare thing)?
static bool is_own(const struct stat *st, uint32_t pid)
{
	uint64_t uid;

	return S_ISREG(st->st_mode) && !procfs_status(pid, "Uid:", &uid) &&
	       st->st_uid == uid &&
	       st->st_mtim.tv_sec + CLOCK_SLACK_S >= start_time(pid);
}

static int open_own(const char *path, uint32_t pid)
{
	struct stat st;
	// Looked at before anything happens to it: O_PATH opens nothing.
	int fd = -1, at_fd = open(path, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	char link[32];

	if (at_fd < 0)
		return -1;
	if (!fstat(at_fd, &st) && is_own(&st, pid)) {
		snprintf(link, sizeof(link), "/proc/self/fd/%d", at_fd);
		fd = open(link, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	}
	close(at_fd);
	return fd;
}

static void find_file(struct perfmap *m)
{
	uint64_t inner_pid = m->pid;
	char path[96];

	(void)procfs_inner_pid(m->pid, &inner_pid); // else it is the same
	snprintf(path, sizeof(path), "/proc/%u/root/tmp/perf-%" PRIu64 ".map",
		 m->pid, inner_pid);
	m->fd = open_own(path, m->pid);
}

void perfmap_open(struct perfmap *m)
{
	pthread_mutex_lock(&m->lock);
	if (m->fd < 0)
		find_file(m);
	pthread_mutex_unlock(&m->lock);
}

// A JIT that starts anew truncates the file.
static void forget(struct perfmap *m)
{
	m->n_codes = m->n_sorted = m->n_text = m->n_line = 0;
	m->n_read = 0;
}

static void read_on(struct perfmap *m)
{
	char chunk[CHUNK_BYTES];
	struct stat st;
	ssize_t n;

	if (!fstat(m->fd, &st) && (uint64_t)st.st_size < m->n_read)
		forget(m);
	while (m->n_read < FILE_MAX_BYTES &&
	       (n = pread(m->fd, chunk, sizeof(chunk), (off_t)m->n_read)) > 0) {
		feed(m, chunk, (size_t)n);
		m->n_read += (uint64_t)n;
	}
}

static void look(struct perfmap *m)
{
	struct timespec ts;
	int64_t now_ns;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	now_ns = (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
	if (now_ns - m->looked_ns < LOOK_NS)
		return;
	m->looked_ns = now_ns;
	if (m->fd < 0)
		find_file(m);
	if (m->fd >= 0)
		read_on(m);
}

static int compare(const void *a, const void *b)
{
	const struct code *x = a, *y = b;

	if (x->start != y->start)
		return x->start < y->start ? -1 : 1;
	return (x->text > y->text) - (x->text < y->text);
}

static const struct code *find(const struct perfmap *m, uint64_t addr)
{
	const struct code *best = NULL;
	size_t low = 0, high = m->n_codes;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (m->codes[middle].start <= addr)
			low = middle + 1;
		else
			high = middle;
	}
	for (size_t i = low; i > 0 && low - i < BACK_MAX; i--) {
		const struct code *c = &m->codes[i - 1];
		if (addr < c->limit && (!best || c->text > best->text))
			best = c;
	}
	return best;
}

bool perfmap_find(struct perfmap *m, uint64_t addr, char *ret_name,
		  size_t n_bytes)
{
	const struct code *code;

	pthread_mutex_lock(&m->lock);
	look(m);
	if (m->n_sorted < m->n_codes) {
		qsort(m->codes, m->n_codes, sizeof(*m->codes), compare);
		m->n_sorted = m->n_codes;
	}
	code = find(m, addr);
	if (code)
		snprintf(ret_name, n_bytes, "%s", m->text + code->text);
	pthread_mutex_unlock(&m->lock);
	return code != NULL;
}

// SPDX-License-Identifier: Apache-2.0
//
// A small library with all that a program's debug information is made of:
// inlined calls, blocks, ranges, several files, weak and local names.
struct point {
	int x, y;
};

static inline int square(int v)
{
	return v * v + 1;
}

static inline __attribute__((always_inline)) int norm(struct point p)
{
	int sum = square(p.x);

	for (int i = 0; i < p.y; i++) {
		int step = square(i);

		sum += step % 7;
	}
	return sum;
}

int sample_visible(struct point *p, int n);
__attribute__((weak)) int _sample_weak(int v);

static __attribute__((noinline)) int local(int v)
{
	volatile char pad[128];

	pad[v & 127] = (char)v;
	return pad[0] + norm((struct point){v, v & 3});
}

int sample_visible(struct point *p, int n)
{
	int sum = 0;

	for (int i = 0; i < n; i++)
		sum += norm(p[i]) + local(i);
	return sum;
}

__attribute__((weak)) int _sample_weak(int v)
{
	return __builtin_expect(v > 0, 1) ? local(v) : sample_visible(0, 0);
}

// SPDX-License-Identifier: Apache-2.0
//
// Threads that allocate, wait for each other and end, under a small heap, so
// that the collector of garbage stops them all the time; and a process started.
// Prints sums that are the same in every run.
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.ReentrantLock;

public class Stress {
	static final int ROUNDS = 20, TASKS = 400, ITEMS = 20000;

	static long churn(int seed) {
		Map<Integer, String> map = new HashMap<>();
		long sum = 0;

		for (int i = 0; i < 3000; i++)
			map.put(i * 31 % 997, "value" + (seed + i));
		for (String s : map.values())
			sum += s.length();
		return sum;
	}

	static long pool() throws Exception {
		ExecutorService threads = Executors.newFixedThreadPool(8);
		List<Future<Long>> results = new ArrayList<>();
		long sum = 0;

		for (int i = 0; i < TASKS; i++) {
			int seed = i;

			results.add(threads.submit(() -> churn(seed)));
		}
		for (Future<Long> r : results)
			sum += r.get();
		threads.shutdown();
		return sum;
	}

	static long queue() throws Exception {
		BlockingQueue<Integer> q = new ArrayBlockingQueue<>(16);
		AtomicLong sum = new AtomicLong();
		Thread taker = new Thread(() -> {
			try {
				for (int i = 0; i < ITEMS; i++)
					sum.addAndGet(q.take());
			} catch (InterruptedException e) {
				sum.set(-1);
			}
		});

		taker.start();
		for (int i = 0; i < ITEMS; i++)
			q.put(i);
		taker.join();
		return sum.get();
	}

	static long shortThreads() throws Exception {
		ReentrantLock lock = new ReentrantLock();
		long[] sum = {0};

		for (int round = 0; round < ROUNDS; round++) {
			List<Thread> threads = new ArrayList<>();

			for (int i = 0; i < 20; i++) {
				Thread t = new Thread(() -> {
					byte[] garbage = new byte[100000];

					lock.lock();
					sum[0] += garbage.length;
					lock.unlock();
				});

				threads.add(t);
				t.start();
			}
			for (Thread t : threads)
				t.join();
		}
		return sum[0];
	}

	static int deep(int n) {
		return n == 0 ? 0 : 1 + deep(n - 1);
	}

	static String overflow() {
		try {
			return "depth " + deep(Integer.MAX_VALUE);
		} catch (StackOverflowError e) {
			return "stack overflow";
		}
	}

	static String nullPointer(String s) {
		try {
			return "length " + s.length();
		} catch (NullPointerException e) {
			return "null pointer";
		}
	}

	public static void main(String[] args) throws Exception {
		System.out.println("pool " + pool());
		System.out.println("queue " + queue());
		System.out.println("threads " + shortThreads());
		System.out.println(overflow());
		System.out.println(nullPointer(null));
		System.out.println("child " + new ProcessBuilder("sh", "-c", "exit 5")
				.inheritIO().start().waitFor());
		System.exit(4);
	}
}

// SPDX-License-Identifier: Apache-2.0
//
// Description: much template code for little source, of which speed_test.py
// makes a large program.
#include <algorithm>
#include <deque>
#include <functional>
#include <iomanip>
#include <iostream>
#include <list>
#include <map>
#include <memory>
#include <numeric>
#include <random>
#include <regex>
#include <set>
#include <sstream>
#include <string>
#include <thread>
#include <tuple>
#include <unordered_map>
#include <variant>
#include <vector>
template <int N> struct work {
	std::map<std::string, std::vector<std::array<int, N + 1>>> m;
	std::unordered_map<long,
			   std::deque<std::tuple<int, double, std::string>>>
		u;
	std::set<std::pair<std::string, int>> s;
	int run(const std::string &t)
	{
		std::regex r("(a+)(b|c)*[d-f]{2}");
		std::smatch sm;
		if (std::regex_search(t, sm, r))
			m[sm[1]].push_back({N});
		u[N].push_back({N, 1.0, t});
		s.emplace(t, N);
		std::vector<std::string> v;
		for (auto &[k, x] : m)
			v.push_back(k + std::to_string(x.size()));
		std::sort(v.begin(), v.end(), [](auto &a, auto &b) {
			return a.size() < b.size() + N;
		});
		std::stable_sort(v.begin(), v.end());
		std::ostringstream o;
		o << std::setw(N) << v.size()
		  << std::accumulate(v.begin(), v.end(), std::string());
		std::function<int(int)> f = [&](int q) {
			return q + N + (int)o.str().size();
		};
		std::variant<int, std::string, double> w = o.str();
		return std::visit(
			[&](auto &q) {
				if constexpr (std::is_same_v<
						      std::decay_t<decltype(q)>,
						      std::string>)
					return f((int)q.size());
				else
					return f((int)q);
			},
			w);
	}
};
template <int N> int all(const std::string &t)
{
	if constexpr (N == 0)
		return 0;
	else
		return work<N>{}.run(t) + all<N - 1>(t);
}
extern "C" int entry(const char *t)
{
	return all<12>(t);
}

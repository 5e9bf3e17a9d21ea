// Runs a fuzz target without a fuzzer: over the seeds of a folder, over every
// truncation of each, and over each with one byte changed.

#include <algorithm>
#include <array>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <vector>

#include "fuzz/target.hpp"

namespace {

using bytes = std::vector<std::uint8_t>;

bytes read_file(const std::filesystem::path& path) {
  std::ifstream file{path, std::ios::binary};
  return {std::istreambuf_iterator<char>{file},
          std::istreambuf_iterator<char>{}};
}

/// Memory of exactly this size, so that a sanitizer sees a read past its end.
void run(bytes::const_iterator first, bytes::const_iterator last) {
  const bytes input(first, last);
  LLVMFuzzerTestOneInput(input.data(), input.size());
}

std::size_t replay(bytes seed) {
  std::size_t runs = 0;
  for (std::size_t size = 0; size <= seed.size(); ++size) {
    run(seed.begin(), seed.begin() + static_cast<std::ptrdiff_t>(size));
    ++runs;
  }
  constexpr std::array<std::uint8_t, 4> flips{0x01, 0x10, 0x80, 0xff};
  for (std::uint8_t& byte : seed) {
    for (const std::uint8_t flip : flips) {
      byte ^= flip;
      run(seed.begin(), seed.end());
      byte ^= flip;
      ++runs;
    }
  }
  return runs;
}

} // namespace

int main(int argc, char** argv) {
  if (argc != 2 || !std::filesystem::is_directory(argv[1])) {
    std::fprintf(stderr, "usage: %s <folder of seeds>\n", argv[0]);
    return 2;
  }
  std::vector<std::filesystem::path> seeds;
  for (const auto& entry : std::filesystem::directory_iterator{argv[1]}) {
    seeds.push_back(entry.path());
  }
  std::sort(seeds.begin(), seeds.end());
  std::size_t runs = 0;
  for (const std::filesystem::path& seed : seeds) {
    runs += replay(read_file(seed));
  }
  std::printf("%zu runs over %zu seeds\n", runs, seeds.size());
  return seeds.empty() ? 1 : 0;
}

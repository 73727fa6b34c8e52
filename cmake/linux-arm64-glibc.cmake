# For arm64 from a Debian of another processor, with its cross compiler (g++-aarch64-linux-gnu). A row in scripts/support/targets.js goes with it.
set(CMAKE_SYSTEM_NAME Linux)
set(CMAKE_SYSTEM_PROCESSOR aarch64)
set(CMAKE_CXX_COMPILER aarch64-linux-gnu-g++)

# CMake toolchain of .ci/aarch64: Debian's cross compiler, and the headers of the arm64 Python under $AARCH64_ROOT.
set(CMAKE_SYSTEM_NAME Linux)
set(CMAKE_SYSTEM_PROCESSOR aarch64)
set(CMAKE_C_COMPILER aarch64-linux-gnu-gcc)
set(CMAKE_C_FLAGS_INIT "-idirafter $ENV{AARCH64_ROOT}/usr/include")
set(Python_INCLUDE_DIR $ENV{AARCH64_ROOT}/usr/include/python3.11)

# Names for the usual commands; the work is in scripts/.
.PHONY: demo build test lint format benchmark

demo: ; scripts/demo
build: ; scripts/install-dependencies build && scripts/build
test: ; scripts/test
lint: ; scripts/lint

benchmark:
	scripts/install-dependencies benchmark
	scripts/build && swift build -c release --product overhead-benchmark --static-swift-stdlib
	/usr/bin/python3 Benchmarks/run.py

format:
	swift format --in-place --recursive Package.swift Plugins Sources Tests Benchmarks
	clang-format -i bpf/*.c bpf/*.h bpf/include/*.h Sources/CLinuxShims/*.c Sources/CLinuxShims/include/*.h Sources/*Lab/*.[ch] Sources/*Lab/include/*.h Sources/LabSupport/*.c Sources/LabSupport/include/*.h Benchmarks/*.c

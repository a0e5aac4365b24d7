from setuptools import Extension, setup

setup(
    name="plimsoll-checksum",
    version="1.0.0",
    description="Fletcher-32 checksums, in C",
    license="Apache-2.0",
    python_requires=">=3.8",
    ext_modules=[Extension("plimsoll_checksum", ["src/plimsoll_checksum.c"])],
)

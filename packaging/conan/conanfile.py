# SPDX-License-Identifier: MIT
"""Recipe of libccp for Conan 2: conan create packaging/conan."""
import os
import re

from conan import ConanFile
from conan.tools.cmake import CMake, CMakeToolchain, cmake_layout
from conan.tools.files import copy, load, rmdir

required_conan_version = ">=2.0"
TOP = os.path.join(os.path.dirname(os.path.abspath(__file__)), os.pardir, os.pardir)


class CcpConan(ConanFile):
    name = "ccp"
    description = "Channels, select, contexts and worker pools for C"
    license = "MIT"
    topics = ("concurrency", "channels", "thread-pool", "select", "threads")
    package_type = "library"
    languages = "C"
    settings = "os", "arch", "compiler", "build_type"
    options = {"shared": [True, False], "fPIC": [True, False]}
    default_options = {"shared": False, "fPIC": True}
    implements = ["auto_shared_fpic"]

    def set_version(self):
        header = load(self, os.path.join(TOP, "include", "ccp.h"))
        self.version = ".".join(re.findall(r"^#define CCP_VERSION_[A-Z]+ (\d+)$", header, re.M))

    def export_sources(self):
        for pattern in ("CMakeLists.txt", "LICENSE", "cmake/*", "docs/reference/*", "include/*",
                        "src/*"):
            copy(self, pattern, TOP, self.export_sources_folder)

    def layout(self):
        cmake_layout(self)

    def generate(self):
        toolchain = CMakeToolchain(self)
        for kind in ("TESTS", "EXAMPLES", "BENCH", "SIM"):
            toolchain.cache_variables["CCP_" + kind] = False
        toolchain.generate()

    def build(self):
        cmake = CMake(self)
        cmake.configure()
        cmake.build()

    def package(self):
        copy(self, "LICENSE", self.source_folder, os.path.join(self.package_folder, "licenses"))
        CMake(self).install()
        # Conan writes such files itself, for all generators.
        rmdir(self, os.path.join(self.package_folder, "lib", "cmake"))
        rmdir(self, os.path.join(self.package_folder, "lib", "pkgconfig"))

    def package_info(self):
        self.cpp_info.libs = ["ccp"]
        self.cpp_info.set_property("cmake_file_name", "ccp")
        self.cpp_info.set_property("cmake_target_name", "ccp::ccp")
        self.cpp_info.set_property("pkg_config_name", "ccp")
        if self.settings.os in ("Linux", "FreeBSD"):
            self.cpp_info.system_libs = ["pthread"]

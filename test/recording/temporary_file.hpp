#pragma once

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <string_view>

#include <unistd.h>

namespace valpool::test {

/// A path where nothing is yet; what is there at the end is removed.
class temporary_file {
public:
    explicit temporary_file(const std::string& name)
        : path_((std::filesystem::temp_directory_path() /
                 ("valpool_test_" + std::to_string(getpid()) + "_" + name))
                    .string()) {
        std::filesystem::remove(path_);
    }
    ~temporary_file() {
        std::error_code ignored;
        std::filesystem::remove(path_, ignored);
    }
    temporary_file(const temporary_file&) = delete;
    temporary_file& operator=(const temporary_file&) = delete;

    const std::string& path() const noexcept { return path_; }
    std::string content() const {
        std::ostringstream bytes;
        bytes << std::ifstream(path_, std::ios::binary).rdbuf();
        return bytes.str();
    }
    void write(std::string_view bytes) const {
        // A file that is cut and written anew is written to the disk when it is closed (ext4).
        std::filesystem::remove(path_);
        std::ofstream(path_, std::ios::binary) << bytes;
    }

private:
    std::string path_;
};

}  // namespace valpool::test

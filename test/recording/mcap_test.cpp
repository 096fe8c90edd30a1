#include "temporary_file.hpp"

#include "support/child.hpp"

#include "mcap/compression.hpp"
#include "mcap/crc32.hpp"
#include "mcap/output_file.hpp"
#include "mcap/reader.hpp"
#include "mcap/writer.hpp"

#include <boost/test/unit_test.hpp>

#include <csignal>
#include <filesystem>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include <sys/resource.h>

/// MCAP files: what is written is read back, and what is damaged costs no more than what is
/// damaged.

using valpool::test::temporary_file;

namespace {

using found = std::vector<std::pair<std::string, std::string>>;  // topic, data

mcap::writer writer_of(const temporary_file& f, std::string_view compression = mcap::zstd,
                       std::size_t chunk_bytes = 200) {
    return mcap::writer(mcap::output_file(f.path(), true),
                        {"", "test", std::string(compression), chunk_bytes});
}

/// A file with some chunks of two channels. Returns what is in it.
found write_some(const temporary_file& f, std::string_view compression, int count = 20) {
    mcap::writer w = writer_of(f, compression);
    w.add_metadata({"about", {{"key", "value"}, {"other", ""}}});
    const auto schema = w.add_schema("s", "jsonschema", "{}");
    const std::uint16_t channels[] = {w.add_channel(0, "a", "cbor"),
                                      w.add_channel(schema, "b", "json", {{"k", "v"}})};
    found all;
    for (int i = 0; i < count; ++i) {
        const std::string data(static_cast<std::size_t>(i * 3), static_cast<char>('0' + i % 10));
        const auto time = static_cast<mcap::time_ns>(1000 + i);
        w.add({channels[i % 2], static_cast<std::uint32_t>(i), time, time, data});
        all.emplace_back(i % 2 == 0 ? "a" : "b", data);
    }
    w.close();
    return all;
}

found read_all(mcap::reader& r) {
    found all;
    for (mcap::message m; r.next(m);)
        all.emplace_back(r.channels().at(m.channel_id).topic, std::string(m.data));
    return all;
}

std::vector<std::string> data_of(const found& all) {
    std::vector<std::string> data;
    for (const auto& item : all) data.push_back(item.second);
    return data;
}

/// Whether all of `part` is in `all`, in the same order.
template <class Items>
bool is_part_of(const Items& part, const Items& all) {
    auto at = all.begin();
    for (const auto& item : part) {
        while (at != all.end() && *at != item) ++at;
        if (at == all.end()) return false;
        ++at;
    }
    return true;
}

std::string with_number(std::string bytes, std::size_t at, std::uint64_t n) {
    for (std::size_t i = 0; i < 8; ++i) bytes[at + i] = static_cast<char>(n >> (8 * i) & 0xff);
    return bytes;
}

/// Changes records of the summary, and makes its checksum right again.
template <class Edit>
std::string with_summary(std::string bytes, Edit edit) {
    const std::size_t footer = bytes.size() - mcap::magic.size() - 20;
    const auto number_at = [&](std::size_t at) {
        return mcap::field_reader(std::string_view(bytes).substr(at), "a number")
            .number<std::uint64_t>();
    };
    const auto start = static_cast<std::size_t>(number_at(footer));
    const std::size_t end = footer - mcap::record_head_bytes;
    for (std::size_t at = start; at < end;) {
        const auto length = static_cast<std::size_t>(number_at(at + 1));
        edit(static_cast<mcap::op>(bytes[at]), bytes, at + mcap::record_head_bytes);
        at += mcap::record_head_bytes + length;
    }
    const std::uint32_t crc =
        mcap::crc32(std::string_view(bytes).substr(start, footer + 16 - start));
    for (std::size_t i = 0; i < 4; ++i)
        bytes[footer + 16 + i] = static_cast<char>(crc >> (8 * i) & 0xff);
    return bytes;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(mcap_files)

BOOST_AUTO_TEST_CASE(the_checksum_is_that_of_zip) {
    BOOST_TEST(mcap::crc32("123456789") == 0xcbf43926U);
    BOOST_TEST(mcap::crc32("") == 0U);
    BOOST_TEST(mcap::crc32("56789", mcap::crc32("1234")) == 0xcbf43926U);
}

BOOST_AUTO_TEST_CASE(messages_come_back_in_their_order) {
    for (const std::string_view compression : {mcap::zstd, mcap::lz4, mcap::uncompressed}) {
        const temporary_file f("roundtrip");
        const found written = write_some(f, compression);
        mcap::reader r(f.path());
        BOOST_TEST((read_all(r) == written));
        BOOST_TEST(r.is_complete());
        BOOST_TEST(r.problems().empty());
        r.rewind();
        BOOST_TEST((read_all(r) == written));
    }
}

BOOST_AUTO_TEST_CASE(a_file_without_messages_is_complete) {
    const temporary_file f("empty");
    writer_of(f).close();
    mcap::reader r(f.path());
    const mcap::overview all = r.look_over();
    BOOST_TEST(all.is_complete);
    BOOST_TEST(all.counts.messages == 0U);
    BOOST_TEST(all.library == "test");
}

BOOST_AUTO_TEST_CASE(the_summary_says_what_reading_everything_finds) {
    const temporary_file f("summary");
    write_some(f, mcap::lz4);
    mcap::reader r(f.path());
    const mcap::overview quick = r.look_over();
    // Without its last byte the file has no summary.
    const temporary_file cut("cut");
    cut.write(f.content().substr(0, f.content().size() - 1));
    mcap::reader slow_reader(cut.path());
    const mcap::overview slow = slow_reader.look_over();
    BOOST_TEST(quick.is_complete);
    BOOST_TEST(!slow.is_complete);
    for (const mcap::overview* const all : {&quick, &slow}) {
        BOOST_TEST(all->counts.messages == 20U);
        BOOST_TEST((all->counts.messages_by_channel ==
                    std::map<std::uint16_t, std::uint64_t>{{0, 10}, {1, 10}}));
        BOOST_TEST(all->counts.times.first == 1000U);
        BOOST_TEST(all->counts.times.last == 1019U);
        BOOST_TEST(all->counts.chunks > 3U);
        BOOST_TEST(all->channels.at(1).topic == "b");
        BOOST_TEST(all->channels.at(1).metadata.at("k") == "v");
        BOOST_TEST(all->schemas.at(1).encoding == "jsonschema");
        BOOST_TEST(all->metadata_records.at(0).entries.at("key") == "value");
        BOOST_TEST(all->chunks_by_compression.at("lz4") == all->counts.chunks);
    }
    BOOST_TEST(quick.uncompressed_bytes == slow.uncompressed_bytes);
}

BOOST_AUTO_TEST_CASE(a_summary_that_contradicts_the_messages_is_told_and_not_believed) {
    const temporary_file f("lie"), lie("lie_edited");
    write_some(f, mcap::zstd);
    const std::string sound = f.content();
    using mcap::op;
    struct falsehood {
        op what;
        std::size_t at;  // in the record's content
        std::uint64_t number;
        const char* told;
    };
    // Statistics: messages 8, schemas 2, channels 4, attachments 4, metadata 4, chunks 4, times 8
    // and 8, and a list of channels and counts. Chunk index: times 8 and 8, offset 8, length 8.
    for (const falsehood& l :
         {falsehood{op::statistics, 0, 21, "21 messages; 20 were found"},
          falsehood{op::statistics, 26, 1, "times of the first and the last"},
          falsehood{op::statistics, 34, 5000, "times of the first and the last"},
          falsehood{op::statistics, 48, 11, "messages by channel are wrong"}}) {
        lie.write(with_summary(sound, [&](op what, std::string& bytes, std::size_t at) {
            if (what == l.what) bytes = with_number(bytes, at + l.at, l.number);
        }));
        mcap::reader r(lie.path());
        const mcap::overview all = r.look_over();
        BOOST_TEST(!all.is_complete, l.told);
        BOOST_REQUIRE(all.problems.size() == 1U);
        BOOST_TEST(all.problems[0].find(l.told) != std::string::npos, all.problems[0]);
        BOOST_TEST(all.counts.messages == 20U);
        BOOST_TEST(all.counts.times.first == 1000U);
        BOOST_TEST(all.counts.times.last == 1019U);
    }
    // An index of chunks that is wrong while the rest is right costs time, and nothing else.
    for (const std::size_t at : {0U, 16U, 24U}) {
        lie.write(with_summary(sound, [&](op what, std::string& bytes, std::size_t start) {
            if (what == op::chunk_index) bytes = with_number(bytes, start + at, 12);
        }));
        mcap::reader r(lie.path());
        const mcap::overview all = r.look_over();
        BOOST_TEST(all.counts.messages == 20U);
        BOOST_TEST(all.chunks.empty());  // it was not believed
    }
}

BOOST_AUTO_TEST_CASE(an_unchanged_summary_is_believed) {
    const temporary_file f("truth"), same("truth_edited");
    write_some(f, mcap::zstd);
    same.write(with_summary(f.content(), [](mcap::op, std::string&, std::size_t) {}));
    BOOST_TEST((same.content() == f.content()));
    mcap::reader r(same.path());
    BOOST_TEST(r.look_over().chunks.size() > 3U);
}

BOOST_AUTO_TEST_CASE(chunks_outside_of_the_time_that_is_wanted_are_skipped) {
    const temporary_file f("window");
    const found written = write_some(f, mcap::zstd);
    mcap::reader r(f.path());
    r.skip_outside(1005, 1007);
    const found some = read_all(r);
    BOOST_TEST((some == found(written.begin() + 5, written.begin() + 8)));
}

BOOST_AUTO_TEST_CASE(a_file_that_is_cut_anywhere_gives_all_whole_chunks) {
    for (const std::string_view compression : {mcap::zstd, mcap::uncompressed}) {
        const temporary_file f("cut");
        const found written = write_some(f, compression);
        const std::string bytes = f.content();
        std::size_t most = 0;
        for (std::size_t cut = mcap::magic.size(); cut < bytes.size(); ++cut) {
            f.write(bytes.substr(0, cut));
            mcap::reader r(f.path());
            const found read = read_all(r);
            BOOST_REQUIRE(!r.is_complete());
            BOOST_REQUIRE(!r.problems().empty());
            BOOST_REQUIRE(read.size() >= most);  // never fewer than of a shorter piece
            BOOST_REQUIRE(
                (read == found(written.begin(), written.begin() + static_cast<long>(read.size()))));
            most = read.size();
            BOOST_REQUIRE(!r.look_over().is_complete);
        }
        BOOST_TEST(most == written.size());
        f.write(bytes.substr(0, 5));
        BOOST_CHECK_THROW(mcap::reader(f.path()), mcap::format_error);
    }
}

BOOST_AUTO_TEST_CASE(what_a_changed_byte_costs_is_told) {
    const temporary_file f("changed");
    const found written = write_some(f, mcap::uncompressed);
    const std::string bytes = f.content();
    for (std::size_t at = mcap::magic.size(); at < bytes.size(); ++at) {
        std::string changed = bytes;
        changed[at] = static_cast<char>(changed[at] ^ 0x41);
        f.write(changed);
        mcap::reader r(f.path());
        const found read = read_all(r);
        const bool is_told = !r.problems().empty();
        static_cast<void>(r.look_over());
        // A changed topic cannot be noticed; it is no part of a chunk, and so without a checksum.
        if (read.size() == written.size() && data_of(read) == data_of(written)) continue;
        BOOST_REQUIRE_MESSAGE(is_told, "byte " << at);
        BOOST_REQUIRE(is_part_of(data_of(read), data_of(written)));
    }
}

BOOST_AUTO_TEST_CASE(a_chunk_with_a_wrong_checksum_is_left_out_and_told) {
    const temporary_file f("checksum");
    const found written = write_some(f, mcap::uncompressed);
    std::string bytes = f.content();
    bytes[bytes.find("555")] = '6';
    f.write(bytes);
    mcap::reader r(f.path());
    const found read = read_all(r);
    BOOST_TEST(read.size() < written.size());
    BOOST_TEST(read.size() > written.size() / 2);
    BOOST_TEST(is_part_of(read, written));
    BOOST_REQUIRE(r.problems().size() == 2U);  // that, and that messages are missing
    BOOST_TEST(r.problems().at(0).find("checksum") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(lengths_that_are_not_there_cost_nothing) {
    const temporary_file f("lengths");
    write_some(f, mcap::zstd);
    const std::string bytes = f.content();
    // The length of every record, one after the other.
    for (std::size_t at = mcap::magic.size(); at + 9 < bytes.size();) {
        std::uint64_t length = 0;
        for (std::size_t i = 8; i-- != 0;)
            length = length << 8 | static_cast<unsigned char>(bytes[at + 1 + i]);
        for (const std::uint64_t wrong :
             {~std::uint64_t{0}, std::uint64_t{1} << 62, length + 1, std::uint64_t{0}}) {
            f.write(with_number(bytes, at + 1, wrong));
            mcap::reader r(f.path());
            static_cast<void>(read_all(r));
            static_cast<void>(r.look_over());
        }
        at += 9 + length;
    }
}

BOOST_AUTO_TEST_CASE(chunks_that_claim_or_become_too_much_are_left_out) {
    const std::string bomb = mcap::compressed(std::string(64 << 20, '\0'), mcap::zstd);
    for (const std::uint64_t claimed :
         {std::uint64_t{100}, std::uint64_t{63} << 20, std::uint64_t{65} << 20,
          std::uint64_t{1} << 40, ~std::uint64_t{0}})
        BOOST_CHECK_THROW(mcap::decompressed(bomb, mcap::zstd, claimed), mcap::format_error);
    BOOST_TEST(mcap::decompressed(bomb, mcap::zstd, 64 << 20).size() == 64U << 20);
    const std::string frame = mcap::compressed("some bytes", mcap::lz4);
    for (std::size_t cut = 0; cut < frame.size(); ++cut)
        BOOST_CHECK_THROW(mcap::decompressed(frame.substr(0, cut), mcap::lz4, 10),
                          mcap::format_error);
    BOOST_CHECK_THROW(mcap::decompressed(frame, mcap::zstd, 10), mcap::format_error);
    BOOST_CHECK_THROW(mcap::decompressed(frame, "bz2", 10), mcap::format_error);
}

BOOST_AUTO_TEST_CASE(a_random_file_gives_an_error_or_nothing) {
    std::mt19937 random(1);
    const temporary_file f("random");
    for (int i = 0; i < 300; ++i) {
        std::string bytes(mcap::magic);
        for (std::size_t n = random() % 300; n != 0; --n)
            bytes += static_cast<char>(random() % 3 == 0 ? random() % 16 : random());
        f.write(bytes);
        mcap::reader r(f.path());
        static_cast<void>(read_all(r));
        static_cast<void>(r.look_over());
    }
}

BOOST_AUTO_TEST_CASE(what_is_no_recording_is_refused) {
    const temporary_file f("none");
    BOOST_CHECK_THROW(mcap::reader(f.path()), mcap::file_error);
    BOOST_CHECK_THROW(mcap::reader("/"), mcap::file_error);
    f.write("something else altogether");
    BOOST_CHECK_THROW(mcap::reader(f.path()), mcap::format_error);
    BOOST_CHECK_THROW(mcap::output_file(f.path(), false), mcap::file_error);
}

BOOST_AUTO_TEST_CASE(a_file_that_is_being_written_is_not_replaced) {
    const temporary_file f("busy");
    {
        mcap::output_file first(f.path(), false);
        first.write("kept");
        BOOST_CHECK_THROW(mcap::output_file(f.path(), true), mcap::file_error);
        BOOST_CHECK_THROW(mcap::output_file(f.path(), false), mcap::file_error);
        first.write(" whole");
    }
    BOOST_TEST(f.content() == "kept whole");
    mcap::output_file second(f.path(), true);
    BOOST_TEST(f.content().empty());
}

BOOST_AUTO_TEST_CASE(a_file_that_appears_when_it_is_finished_is_there_whole_or_not_at_all) {
    const temporary_file f("appears");
    constexpr auto late = mcap::output_file::appears::when_finished;
    {
        mcap::output_file unfinished(f.path(), false, late);
        unfinished.write("half");
        BOOST_TEST(!std::filesystem::exists(f.path()));
        BOOST_CHECK_THROW(mcap::output_file(f.path(), true, late), mcap::file_error);
    }
    BOOST_TEST(!std::filesystem::exists(f.path() + ".unfinished"));
    f.write("old");
    BOOST_CHECK_THROW(mcap::output_file(f.path(), false, late), mcap::file_error);
    mcap::output_file whole(f.path(), true, late);
    whole.write("new");
    BOOST_TEST(f.content() == "old");
    whole.finish();
    BOOST_TEST(f.content() == "new");
    BOOST_TEST(!std::filesystem::exists(f.path() + ".unfinished"));
    const temporary_file taken("appears_taken");
    mcap::output_file loser(taken.path(), false, late);
    taken.write("somebody else's");
    BOOST_CHECK_THROW(loser.finish(), mcap::file_error);
    BOOST_TEST(taken.content() == "somebody else's");
}

BOOST_AUTO_TEST_CASE(a_full_disk_leaves_what_was_written_before) {
    const temporary_file f("full");
    valpool::test::child full([&f] {
        signal(SIGXFSZ, SIG_IGN);
        const rlimit limit{2000, 2000};
        setrlimit(RLIMIT_FSIZE, &limit);
        mcap::writer w = writer_of(f, mcap::uncompressed);
        const auto channel = w.add_channel(0, "a", "cbor");
        try {
            for (std::uint32_t i = 0;; ++i) w.add({channel, i, i, i, std::string(50, 'x')});
        } catch (const mcap::file_error&) {
            // No part of the chunk that did not fit has stayed.
            const bool is_cut = std::filesystem::file_size(f.path()) == w.file_bytes();
            return w.drop_chunk() > 0 && w.file_bytes() <= 2000 && is_cut ? 0 : 1;
        }
    });
    BOOST_TEST(full.wait() == 0);
    mcap::reader r(f.path());
    BOOST_TEST(read_all(r).size() > 5U);
    BOOST_TEST(r.problems().size() == 1U);  // that it was not closed
}

BOOST_AUTO_TEST_SUITE_END()

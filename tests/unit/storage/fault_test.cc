// The fault driver: rules, states, limits, stopped requests.
#include "storage/fault.h"

#include <cerrno>
#include <fstream>

#include "model.h"
#include "storage/memory.h"

namespace oxbow::storage {
namespace {

class Fault : public testing::Test {
 protected:
  std::unique_ptr<FaultStorage> make(FaultOptions options) {
    auto inner = std::make_unique<MemoryStorage>(1 << 20);
    options.say = [this](const std::string& line) { said_.push_back(line); };
    return must(FaultStorage::create(std::move(inner), std::move(options)));
  }
  std::unique_ptr<FaultStorage> make(const std::string& rules) {
    FaultOptions options;
    must(parse_fault_config(rules, options));
    return make(std::move(options));
  }

  static int read(FaultStorage& fault, uint64_t offset = 0, size_t length = 512) {
    fault.event("read_aio");
    const auto done = read_bytes(fault, offset, length);
    return done ? 0 : done.error().os_error();
  }
  static int write(FaultStorage& fault, uint64_t offset = 0, size_t length = 512) {
    fault.event("write_aio");
    const auto done = write_bytes(fault, offset, Bytes(length));
    return done ? 0 : done.error().os_error();
  }
  static int code(const Result<void>& done) { return done ? 0 : done.error().os_error(); }

  std::vector<std::string> said_;
};

TEST_F(Fault, ARuleStaysInForceUntilAnotherTakesItsPlace) {
  const auto fault = make("[inject-error]\nevent = \"read_aio\"\n");
  EXPECT_EQ(write(*fault), 0);
  EXPECT_EQ(read(*fault), EIO);
  EXPECT_EQ(write(*fault), EIO);
  EXPECT_EQ(read(*fault), EIO);
}

TEST_F(Fault, OnceIsOnceAndTheErrorIsTheOneAskedFor) {
  const auto fault = make("[inject-error]\nevent = \"read_aio\"\nonce = \"on\"\nerrno = \"28\"\n");
  EXPECT_EQ(read(*fault), ENOSPC);
  EXPECT_EQ(write(*fault), 0);
  EXPECT_EQ(read(*fault), 0);
}

TEST_F(Fault, ASectorLimitsTheRuleToWhatTouchesIt) {
  const auto fault = make("[inject-error]\nevent = \"none\"\nsector = \"2\"\n");
  EXPECT_EQ(write(*fault, 0), 0);
  EXPECT_EQ(write(*fault, 1024, 1), EIO);
  EXPECT_EQ(write(*fault, 1535, 1), 0);  // not its first byte
  EXPECT_EQ(write(*fault, 1536), 0);
  EXPECT_EQ(read(*fault, 0, 4096), EIO);
  EXPECT_EQ(code(run(fault->discard(0, 65536))), EIO);
  EXPECT_EQ(code(run(fault->write_zeroes(0, 4096))), EIO);
  EXPECT_EQ(code(run(fault->flush())), 0);
}

TEST_F(Fault, AnIoTypeLimitsTheRuleToItsKind) {
  const auto writes = make("[inject-error]\nevent = \"none\"\niotype = \"write\"\n");
  EXPECT_EQ(read(*writes), 0);
  EXPECT_EQ(write(*writes), EIO);
  EXPECT_EQ(code(run(writes->write_zeroes(0, 512))), 0);
  const auto status = make("[inject-error]\nevent = \"none\"\niotype = \"block-status\"\n");
  EXPECT_FALSE(run(status->status(0, 512)));
  EXPECT_EQ(read(*status), 0);
  const auto any = make("[inject-error]\nevent = \"none\"\n");
  EXPECT_TRUE(run(any->status(0, 512)));
  EXPECT_EQ(read(*any), EIO);
}

TEST_F(Fault, AFlushIsPastTheRulesWhenItMeetsItsEvent) {
  const auto fault = make("[inject-error]\nevent = \"flush_to_disk\"\n");
  EXPECT_EQ(write(*fault), 0);
  EXPECT_EQ(code(run(fault->flush())), 0);
  EXPECT_EQ(write(*fault), EIO);
}

TEST_F(Fault, FlushesFailOnlyWhenThereIsSomethingToFlush) {
  const auto fault = make("[inject-error]\nevent = \"flush_to_os\"\niotype = \"flush\"\n");
  EXPECT_EQ(code(run(fault->flush())), 0);
  EXPECT_EQ(write(*fault), 0);
  EXPECT_EQ(code(run(fault->flush())), EIO);
  EXPECT_EQ(code(run(fault->flush())), EIO);
}

TEST_F(Fault, StatesCountEvents) {
  const auto fault = make(
      "[set-state]\nevent = \"write_aio\"\nstate = \"1\"\nnew_state = \"2\"\n"
      "[set-state]\nevent = \"write_aio\"\nstate = \"2\"\nnew_state = \"3\"\n"
      "[inject-error]\nevent = \"write_aio\"\nstate = \"3\"\n");
  EXPECT_EQ(write(*fault), 0);
  EXPECT_EQ(write(*fault), 0);
  EXPECT_EQ(write(*fault), EIO);
  EXPECT_EQ(write(*fault), EIO);
}

TEST_F(Fault, ErrnosThatAreNoErrorsLetTheRequestPass) {
  EXPECT_EQ(read(*make("[inject-error]\nevent = \"none\"\nerrno = \"-4\"\n")), 0);
  EXPECT_EQ(read(*make("[inject-error]\nevent = \"none\"\nerrno = \"0\"\n")), 0);
}

TEST_F(Fault, AnImmediateErrorComesBeforeOtherTasksRun) {
  for (const bool immediately : {false, true}) {
    const auto fault = make(std::string("[inject-error]\nevent = \"none\"\nimmediately = \"") +
                            (immediately ? "on" : "off") + "\"\n");
    auto& loop = async::Loop::current_thread();
    std::string order;
    loop.spawn(fault->discard(0, 512), [&order](Result<void>) { order += "failed "; });
    MemoryStorage memory;
    loop.spawn(memory.flush(), [&order](Result<void>) { order += "other "; });
    loop.drain();
    EXPECT_EQ(order, immediately ? "failed other " : "other failed ");
  }
}

TEST_F(Fault, TheErrorNamesTheFile) {
  FaultOptions options;
  options.filename = "blkdebug::disk.img";
  options.inject.push_back({.event = "none"});
  const auto fault = make(options);
  EXPECT_EQ(read_bytes(*fault, 1024, 1).error().message(),
            "Could not read 'blkdebug::disk.img' at offset 1024: Input/output error");
}

// Limits -----------------------------------------------------------------------------

/// Notes the requests that reach it.
class Recorder final : public Storage {
 public:
  const std::string& filename() const override { return memory_.filename(); }
  std::string driver() const override { return "recorder"; }
  bool read_only() const override { return false; }
  uint64_t size() const override { return memory_.size(); }
  Task<> read(uint64_t offset, IoSpan into) override {
    note("read", offset, io_length(into));
    return memory_.read(offset, into);
  }
  Task<> write(uint64_t offset, IoSpan from, WriteFlags flags) override {
    note("write", offset, io_length(from));
    return memory_.write(offset, from, flags);
  }
  Task<> write_zeroes(uint64_t offset, uint64_t length, ZeroFlags flags) override {
    note("zero", offset, length);
    return memory_.write_zeroes(offset, length, flags);
  }
  Task<> discard(uint64_t offset, uint64_t length) override {
    note("discard", offset, length);
    return memory_.discard(offset, length);
  }
  Task<> flush() override { return memory_.flush(); }
  Task<> truncate(uint64_t size, Preallocation how) override { return memory_.truncate(size, how); }
  Task<Status> status(uint64_t offset, uint64_t length) override {
    return memory_.status(offset, length);
  }
  Task<> close() override { return memory_.close(); }

  std::vector<std::string> requests;

 private:
  void note(const char* what, uint64_t offset, uint64_t length) {
    requests.push_back(what + (" " + std::to_string(offset)) + "+" + std::to_string(length));
  }
  MemoryStorage memory_{1 << 20};
};

using Requests = std::vector<std::string>;

struct Watched {
  explicit Watched(FaultOptions options) {
    auto inner = std::make_unique<Recorder>();
    recorder = inner.get();
    fault = must(FaultStorage::create(std::move(inner), std::move(options)));
  }
  Recorder* recorder;
  std::unique_ptr<FaultStorage> fault;
};

TEST(FaultLimits, UnalignedRequestsAreRoundedToBlocks) {
  const Watched watched({.align = 4096});
  EXPECT_EQ(watched.fault->limits().request_alignment, 4096);
  must(read_bytes(*watched.fault, 100, 512));
  must(write_bytes(*watched.fault, 512, pattern(512, 1)));
  EXPECT_EQ(watched.recorder->requests, (Requests{"read 0+4096", "read 0+4096", "write 0+4096"}));
}

TEST(FaultLimits, LongRequestsAreCut) {
  const Watched watched({.max_transfer = 65536, .max_write_zero = 131072, .max_discard = 100000});
  must(read_bytes(*watched.fault, 0, 100000));
  must(watched.fault->write_zeroes(0, 200000));
  must(watched.fault->discard(0, 150000));
  EXPECT_EQ(watched.recorder->requests,
            (Requests{"read 0+65536", "read 65536+34464", "zero 0+131072", "zero 131072+68928",
                      "discard 0+100000", "discard 100000+50000"}));
}

TEST(FaultLimits, ZeroesThatDoNotFitAreWrittenAndDiscardsDropped) {
  const Watched watched({.align = 512, .opt_write_zero = 4096, .opt_discard = 4096});
  must(watched.fault->write_zeroes(512, 8192));
  must(watched.fault->discard(512, 8192));
  EXPECT_EQ(watched.recorder->requests,
            (Requests{"write 512+3584", "zero 4096+4096", "write 8192+512", "discard 4096+4096"}));
  EXPECT_EQ(run(watched.fault->write_zeroes(512, 512, {.no_fallback = true})).error().kind(),
            ErrorKind::unsupported);
}

TEST(FaultLimits, WithThemItIsStillAnArrayOfBytes) {
  const Watched watched(
      {.align = 4096, .max_transfer = 8192, .opt_write_zero = 8192, .max_write_zero = 65536});
  ByteModel model(*watched.fault, 1, 100000);
  for (int step = 0; step < 300 && !testing::Test::HasFatalFailure(); ++step) model.step();
  model.check_all();
}

TEST(FaultLimits, ContradictionsAreRefusedInTheStockWords) {
  const auto refusal = [](FaultOptions options) {
    const auto fault = FaultStorage::create(std::make_unique<MemoryStorage>(), options);
    return fault ? "opened" : fault.error().message();
  };
  EXPECT_EQ(refusal({.align = 3}), "Cannot meet constraints with align 3");
  EXPECT_EQ(refusal({.align = 512, .max_transfer = 1000}),
            "Cannot meet constraints with max-transfer 1000");
  EXPECT_EQ(refusal({.align = 512, .opt_discard = 7}),
            "Cannot meet constraints with opt-discard 7");
  EXPECT_EQ(refusal({.max_transfer = 3000}), "opened");
}

// Stopped requests -------------------------------------------------------------------

TEST_F(Fault, ARequestStopsAtItsBreakpointAndGoesOnWhenResumed) {
  const auto fault = make(FaultOptions{});
  auto& loop = async::Loop::current_thread();
  must(fault->add_break("read_aio", "A"));
  Bytes bytes(512);
  const iovec part = io_slice(std::span(bytes));
  bool first = false;
  bool second = false;
  fault->event("read_aio");
  loop.spawn(fault->read(0, IoSpan(&part, 1)), [&first](Result<void>) { first = true; });
  for (int i = 0; i < 5; ++i) loop.poll();
  EXPECT_TRUE(fault->is_suspended("A"));
  fault->event("read_aio");
  loop.spawn(fault->read(0, IoSpan(&part, 1)), [&second](Result<void>) { second = true; });
  for (int i = 0; i < 5; ++i) loop.poll();
  EXPECT_FALSE(first);
  EXPECT_TRUE(second) << "a breakpoint stops one request";
  must(fault->resume("A"));
  EXPECT_EQ(code(fault->resume("A")), ENOENT);
  loop.drain();
  EXPECT_TRUE(first);
  EXPECT_EQ(said_, (Requests{"blkdebug: Suspended request 'A'", "blkdebug: Resuming request 'A'"}));
}

TEST_F(Fault, RemovingABreakpointResumesItsRequests) {
  const auto fault = make(FaultOptions{});
  auto& loop = async::Loop::current_thread();
  must(fault->add_break("flush_to_os", "A"));
  bool done = false;
  fault->event("flush_to_os");
  loop.spawn(fault->discard(0, 512), [&done](Result<void>) { done = true; });
  for (int i = 0; i < 5; ++i) loop.poll();
  EXPECT_TRUE(fault->is_suspended("A"));
  EXPECT_EQ(code(fault->remove_break("A")), ENOENT);  // it was used up by stopping one
  loop.drain();
  EXPECT_TRUE(done);
  must(fault->add_break("flush_to_os", "B"));
  must(fault->remove_break("B"));
  EXPECT_EQ(code(fault->remove_break("B")), ENOENT);
}

TEST_F(Fault, ABreakpointNeedsAnEvent) {
  EXPECT_EQ(code(make(FaultOptions{})->add_break("foo", "A")), ENOENT);
}

// Options ----------------------------------------------------------------------------

std::string refusal(const Options& options) {
  const auto parsed = parse_fault_options(options);
  return parsed ? "parsed" : parsed.error().message();
}
std::string config_refusal(const std::string& text) {
  FaultOptions options;
  const auto parsed = parse_fault_config(text, options);
  return parsed ? "parsed" : parsed.error().message();
}

TEST(FaultOptionWords, DottedKeys) {
  const auto options = must(parse_fault_options({{"driver", "blkdebug"},
                                                 {"image.filename", "x"},
                                                 {"align", "4k"},
                                                 {"inject-error.0.event", "read_aio"},
                                                 {"inject-error.0.errno", "13"},
                                                 {"inject-error.1.event", "write_aio"},
                                                 {"inject-error.1.iotype", "write-zeroes"},
                                                 {"set-state.0.event", "l2_load"},
                                                 {"set-state.0.new_state", "7"}}));
  EXPECT_EQ(options.align, 4096);
  ASSERT_EQ(options.inject.size(), 2);
  EXPECT_EQ(options.inject[0].os_error, 13);
  EXPECT_EQ(options.inject[1].io, FaultIo::write_zeroes);
  ASSERT_EQ(options.states.size(), 1);
  EXPECT_EQ(options.states[0].new_state, 7);
}

TEST(FaultOptionWords, BadDottedKeys) {
  EXPECT_EQ(refusal({{"inject-error.0.event", "foo"}}), "invalid parameter value: foo");
  EXPECT_EQ(refusal({{"inject-error.1.event", "read_aio"}}),
            "Unused option '1.event' for [inject-error]");
  EXPECT_EQ(refusal({{"inject-error.0.foo", "1"}}),
            "[inject-error] section doesn't support the option 'foo'");
  EXPECT_EQ(refusal({{"inject-error.0.state", "1"}}), "Missing event name for rule");
  EXPECT_EQ(refusal({{"inject-error.0.event", "read_aio"}, {"inject-error.0.once", "maybe"}}),
            "Parameter 'once' expects 'on' or 'off'");
  EXPECT_EQ(refusal({{"set-state.0.event", "read_aio"}, {"set-state.0.new_state", "q"}}),
            "Parameter 'new_state' expects a number");
  EXPECT_EQ(refusal({{"nonsense", "1"}}),
            "Block protocol 'blkdebug' doesn't support the option 'nonsense'");
  EXPECT_EQ(refusal({{"align", "x"}}),
            "Parameter 'align' expects a non-negative number below 2^64");
  EXPECT_EQ(refusal({{"align", "1T"}}), "Cannot meet constraints with align 1099511627776");
}

TEST(FaultOptionWords, BadConfigFiles) {
  EXPECT_EQ(config_refusal("# nothing\n\n[inject-error \"a\"]\nevent = \"read_aio\"\n"), "parsed");
  EXPECT_EQ(config_refusal("[foo]\n"), "There is no option group 'foo'");
  EXPECT_EQ(config_refusal("junk\n"), "no group defined");
  EXPECT_EQ(config_refusal("[inject-error]\n"), "Missing event name for rule");
  EXPECT_EQ(config_refusal("[inject-error]\nevent=\"read_aio\"\n"),
            "Invalid parameter 'event=\"read_aio\"'");
  EXPECT_EQ(config_refusal("[inject-error]\nevent = read_aio\n"), "invalid parameter value: ");
  EXPECT_EQ(config_refusal("[inject-error]\nevent = \"nonsense\"\n"),
            "invalid parameter value: nonsense");
}

TEST(FaultOptionWords, ConfigFromAFile) {
  const Folder folder;
  std::ofstream(folder / "rules") << "[inject-error]\nevent = \"read_aio\"\n";
  EXPECT_EQ(must(parse_fault_options({{"config", folder / "rules"}})).inject.size(), 1);
  EXPECT_EQ(refusal({{"config", folder / "missing"}}),
            "Could not read blkdebug config file: No such file or directory");
  EXPECT_EQ(refusal({{"config", ""}}), "parsed");
}

TEST(FaultOptionWords, FileNames) {
  const auto both = must(split_fault_filename("blkdebug:rules.ini:nbd://host:10"));
  EXPECT_EQ(both.first, "rules.ini");
  EXPECT_EQ(both.second, "nbd://host:10");
  EXPECT_EQ(must(split_fault_filename("blkdebug::a.img")).first, "");
  EXPECT_EQ(split_fault_filename("blkdebug:a.img").error().message(),
            "blkdebug requires both config file and image path");
}

}  // namespace
}  // namespace oxbow::storage

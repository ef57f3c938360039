// Option passes: what getopt_long finds wrong, and the options that every command shares.
#include "command_line.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace oxbow::tools {
namespace {

struct Pass {
  std::vector<int> options;
  std::vector<std::string> operands;
  std::optional<int> exit_code;
  Trust trust = Trust::none;
  std::string errors;
};

Pass pass(std::vector<std::string> words) {
  ToolContext context;
  context.program = "qemu-img";
  context.trust = Trust::all;
  std::vector<char*> argv;
  for (std::string& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  testing::internal::CaptureStderr();
  CommandLine line(context, static_cast<int>(words.size()), argv.data(), "f:q",
                   {{"output", required_argument, nullptr, opt_output}});
  Pass result;
  for (int option; (option = line.next()) != CommandLine::end;) result.options.push_back(option);
  result.exit_code = line.exit_code();
  for (const char* operand : line.operands()) result.operands.emplace_back(operand);
  result.trust = line.trust();
  result.errors = testing::internal::GetCapturedStderr();
  return result;
}

TEST(CommandLine, OptionsMayStandAfterOperands) {
  Pass result = pass({"info", "a.img", "-f", "raw", "--output=json"});
  EXPECT_EQ(result.options, (std::vector<int>{'f', opt_output}));
  EXPECT_EQ(result.operands, (std::vector<std::string>{"a.img"}));
  EXPECT_FALSE(result.exit_code);
}

TEST(CommandLine, UnknownOptionsAreNamedAsWritten) {
  Pass result = pass({"info", "--nope"});
  EXPECT_EQ(result.exit_code, 1);
  EXPECT_EQ(result.errors,
            "qemu-img: unrecognized option '--nope'\n"
            "Try 'qemu-img --help' for more information\n");
}

TEST(CommandLine, MissingArgumentsAreNamed) {
  Pass result = pass({"info", "-f"});
  EXPECT_EQ(result.exit_code, 1);
  EXPECT_EQ(result.errors,
            "qemu-img: missing argument for option '-f'\n"
            "Try 'qemu-img --help' for more information\n");
}

TEST(CommandLine, TrustIsTheContextsUnlessGiven) {
  EXPECT_EQ(pass({"info"}).trust, Trust::all);
  EXPECT_EQ(pass({"info", "--trust", "same-directory"}).trust, Trust::same_directory);
  EXPECT_EQ(pass({"info", "--trust=some"}).exit_code, 1);
}

TEST(CommandLine, ABadObjectEndsThePass) {
  Pass result = pass({"info", "--object", "secret", "-q"});
  EXPECT_EQ(result.exit_code, 1);
  EXPECT_TRUE(result.options.empty());
  EXPECT_EQ(result.errors, "qemu-img: Parameter 'id' is missing\n");
}

TEST(ErrorReport, TheHintFollowsOnLinesOfItsOwn) {
  ToolContext context;
  context.program = "qemu-img";
  testing::internal::CaptureStderr();
  error_report(context, Error(ErrorKind::invalid_argument, "wrong").with_hint("Try this.\n"),
               "x.qcow2");
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "qemu-img: x.qcow2: wrong\nTry this.\n");
}

}  // namespace
}  // namespace oxbow::tools

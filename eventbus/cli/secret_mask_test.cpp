#include "eventbus/cli/secret_mask.hpp"

#include <gmock/gmock.h>

#include <vector>

namespace eventbus::cli {
namespace {

TEST(SecretMask, HidesPasswordsAndNothingElse) {
  const std::vector<std::pair<std::string, std::string>> table{
      {"", ""},
      {"amqp://u:s3cret@h1:1,h2,[::1]:3/v?heartbeat=5", "amqp://u:****@h1:1,h2,[::1]:3/v?heartbeat=5"},
      {"amqp://u:s3cret@h1/v,amqps://u:s3cret@h2/v", "amqp://u:****@h1/v,amqps://u:****@h2/v"},
      {"amqp://u:s3@cret,s3cret@h", "amqp://u:****@h"},
      {"amqp://u@h:5672/v", "amqp://u@h:5672/v"},
      {"amqp://h:5672", "amqp://h:5672"},
      {"amqp://u:@h", "amqp://u:****@h"},
      {"postgresql://u:s3cret@a:1,b:2/d", "postgresql://u:****@a:1,b:2/d"},
      {"postgres://:s3cret@/d", "postgres://:****@/d"},
      {"postgresql:///d?host=/run/pg&password=s3cret&user=u", "postgresql:///d?host=/run/pg&password=****&user=u"},
      {"postgresql://h/d?sslpassword=s3cret&sslmode=require", "postgresql://h/d?sslpassword=****&sslmode=require"},
      {"postgresql://h/d?p%61ssword=s3cret", "postgresql://h/d?p%61ssword=****"},
      {"postgresql://u:s3cret@h/d?application_name=a@b", "postgresql://u:****@h/d?application_name=a@b"},
      {"postgresql://u:s3?cre=t@h/d?sslmode=require", "postgresql://u:****@h/d?sslmode=require"},
      {"postgresql://u:s3@s3/cret@h/d", "postgresql://u:****@h/d"},
      {"postgresql://h:1/d?application_name=a@b", "postgresql://h:1/d?application_name=a@b"},
      {"host=h password=s3cret dbname=d", "host=h password=**** dbname=d"},
      {"host=h password = 's3\\'cret s3cret' passfile=/p", "host=h password = **** passfile=/p"},
      {"password=s3\\ cret sslpassword=s3cret", "password=**** sslpassword=****"},
      {"host=h", "host=h"},
      {"application_name='a b' host = h ", "application_name='a b' host = h "},
      {"host=h options='-c x=://' password=s3cret", "host=h options='-c x=://' password=****"},
  };
  for (const auto& [text, masked] : table) EXPECT_EQ(mask_secrets(text, true), masked);
}

TEST(SecretMask, ShowsLessOfWhatIsWrong) {
  const std::vector<std::pair<std::string, std::string>> table{
      {"amqp://u:s3cret", "amqp://****"},
      {"s3cret", "****"},
      {"u:s3cret@h", "****"},
      {"amqp://u:s3/cr?et@h:x", "amqp://u:****@h:x"},
      {"amqp://u:s3,amqp://cret@h:x", "amqp://u:****@h:x"},
      {"host=h password=s3 cret", "host=h password=****"},
      {"host=h port=x", "host=h port=x"},
  };
  for (const auto& [text, masked] : table) EXPECT_EQ(mask_secrets(text, false), masked);
}

}  // namespace
}  // namespace eventbus::cli

// The one translation unit that compiles Boost.Beast's HTTP parser.
#include <boost/beast/src.hpp>

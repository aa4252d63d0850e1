/* test_json_portable.c: test_json.c again, on the reader without vector instructions. It brings its own
 * copies of the files in which they are used, and so leaves those of the library unlinked. */
#define WEIR_JSON_PORTABLE
/* clang-format off */
#include "../../../host/chain/json.c"
#include "../../../host/chain/json_text.c"
#include "../../../host/chain/places.c"
#include "test_json.c"
/* clang-format on */

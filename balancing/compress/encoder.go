package compress

// Encoder compresses one response. It is not safe for concurrent use.
type Encoder struct{}

// Write takes a piece of the body and appends what is ready of the compressed one, which may be nothing.
func (e *Encoder) Write(dst, data []byte) []byte { return dst }

// Flush appends all that Write took and holds back, so that the client can read it now.
func (e *Encoder) Flush(dst []byte) []byte { return dst }

// Close appends the end of the stream. The encoder must not be used afterwards.
func (e *Encoder) Close(dst []byte) []byte { return dst }

// Discard gives up a response that broke off. The encoder must not be used afterwards.
func (e *Encoder) Discard() {}

// An HTTP server of Node. Prints its port, and serves.
const server = require("http").createServer((request, response) => response.end("answer\n"));
server.listen(0, "127.0.0.1", () => console.log(server.address().port));

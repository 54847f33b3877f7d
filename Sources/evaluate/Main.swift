// Placeholder until this executable lands.
@main enum Main { static func main() {} }

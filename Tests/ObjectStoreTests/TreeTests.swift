import Bytes
import ObjectStore
import Testing

@Suite struct TreeTests {
  func entry(_ path: String, _ content: String = "") -> TreeEntry {
    TreeEntry(path: path, digest: Digest(of: content), size: content.utf8.count)
  }

  @Test func `The listing and its digest are known to the byte`() throws {
    #expect(
      Digest(of: try Tree([]).listing).hex
        == "fb82a696d87c5b9a99138126df2e2b8832ec1eb9e724ec719402f328f495e85c")
    let tree = try Tree([entry("é.txt"), entry("a b%/c.txt", "alpha")])
    #expect(
      String(decoding: tree.listing, as: UTF8.self) == """
        plm-tree 1
        8ed3f6ad685b959ead7022518e1af76cd816f8e8ec7ccdda1ed4018e8f2223f8 5 a%20b%25/c.txt
        e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855 0 é.txt

        """)
    #expect(
      Digest(of: tree.listing).hex
        == "efadc8dd332ae5c878fe6f4cfcb0a159c76590fee181bc017abd20e6e2610feb")
  }

  @Test func `A listing reads back as the tree it was made from`() throws {
    let names = ["a", "a.b", "a-b/c", "new\nline", "tab\t", "100%", "e\u{301}", "é", "日本/語", "%41"]
    let tree = try Tree(names.map { entry($0, $0) })
    #expect(Tree(listing: tree.listing) == tree)
    for name in names { #expect(tree[name]?.digest == Digest(of: name), "\(name)") }
    #expect(tree["b"] == nil)
    #expect(tree[""] == nil)
    #expect(
      tree.entries.map { Array($0.path.utf8) }.sorted { $0.lexicographicallyPrecedes($1) }
        == tree.entries.map { Array($0.path.utf8) })
  }

  @Test(arguments: [
    ["a", "a"], ["a", "a/b"], ["a/b/c", "a/b"], [""], ["/a"], ["a/"], ["a//b"], ["."], ["a/.."],
    ["../a"], ["a\0"],
  ])
  func `Paths that no folder could have are refused`(paths: [String]) {
    #expect(throws: StoreError.self) { try Tree(paths.map { entry($0) }) }
  }

  @Test func `Any other form of a listing is refused`() throws {
    let line = "\(Digest(of: "").hex) 0 "
    let good = "plm-tree 1\n\(line)a\n\(line)b\n"
    #expect(Tree(listing: Array(good.utf8)) != nil)
    for bad in [
      "", "plm-tree 2\n", "plm-tree 1", "plm-tree 1\n\n", "plm-tree 1\n\(line)b\n\(line)a\n",
      "plm-tree 1\n\(line)a", "plm-tree 1\n\(line)a\n\n", "plm-tree 1\n\(line)\n",
      "plm-tree 1\n\(line)%61\n", "plm-tree 1\n\(line)%2f\n", "plm-tree 1\n\(line)a b\n",
      "plm-tree 1\n\(line)%\n", "plm-tree 1\n\(Digest(of: "").hex) 00 a\n",
      "plm-tree 1\n\(Digest(of: "").hex.uppercased()) 0 a\n",
      "plm-tree 1\n\(Digest(of: "").hex) -1 a\n",
    ] { #expect(Tree(listing: Array(bad.utf8)) == nil, "\(bad)") }
    #expect(Tree(listing: Array("plm-tree 1\n\(line)".utf8) + [0xff, 0x0a]) == nil)
  }
}

public import Bytes

extension ObjectStore {
  /// Returns the folder for the checkpoints of an action, made if need be.
  public func makeWorkFolder(for actionKey: Digest) throws(StoreError) -> String {
    let folder = workFolder(for: actionKey)
    try Disk.makeFolder(folder)
    return folder
  }

  /// Removes the checkpoints of an action.
  public func removeWorkFolder(for actionKey: Digest) throws(StoreError) {
    try Disk.remove(workFolder(for: actionKey))
  }
}
